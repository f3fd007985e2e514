// What every Node client program shares; the counterpart of harness.py.
export const URL_ = process.env.GATEWAY_URL
export const KEY = process.env.GATEWAY_KEY
export const MODEL = process.env.MODEL
const SIMULATOR = process.env.SIMULATOR_URL

export const PROMPT = 'Say something.'
export const WEATHER = 'What is the weather in Paris?'
export const WHERE = 'The tower is in Paris. Which city is that?'
export const CITY = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
const FEATURES = ['chat', 'stream', 'tools', 'structured', 'image', 'error', 'cancel']

const simulate = fields => fetch(`${SIMULATOR}/_simulate`, { method: 'POST', body: JSON.stringify(fields) })
const last = async () => (await (await fetch(`${SIMULATOR}/_log`)).json()).entries.at(-1)

function ensure(holds, why) {
  if (!holds) throw new Error(why)
}

async function judge(feature, value) {
  if (feature === 'chat' || feature === 'image') ensure(String(value).includes('simulated'), `no answer: ${value}`)
  if (feature === 'image') ensure(JSON.stringify((await last()).body).includes(PNG.slice(0, 40)), 'the provider got no image')
  if (feature === 'stream') {
    ensure(value.length > 3, `came in ${value.length} pieces`)
    ensure(value.join('').includes('simulated'), `no answer: ${value}`)
  }
  if (feature === 'tools') ensure(String(value).includes('18 degrees'), `the tool's result is not in ${value}`)
  if (feature === 'structured') ensure(value === 'Paris', `expected Paris, got ${value}`)
  if (feature === 'error') {
    ensure(value instanceof Error, `no exception but ${value}`)
    ensure(value.status === 429 || value.statusCode === 429, `not a 429: ${value}`)
    ensure(String(value).includes('Slow down'), `the provider's words are lost: ${value}`)
  }
  if (feature === 'cancel') {
    const deadline = Date.now() + 5000
    while ((await last()).ended !== 'client left') {
      ensure(Date.now() < deadline, `the provider's request ${(await last()).ended}`)
      await new Promise(done => setTimeout(done, 50))
    }
  }
}

export async function run(features) {
  for (const feature of FEATURES) {
    const call = features[feature]
    if (!call) continue
    if (feature === 'error') await simulate({ status: 429, message: 'Slow down, please.', retry_after: 0 })
    else if (feature === 'cancel') await simulate({ token_ms: 30, tokens: 600 })
    else await simulate({})
    let told
    try {
      let value
      try {
        value = await call()
      } catch (error) {
        if (feature !== 'error') throw error
        value = error
      }
      await judge(feature, value)
      told = { feature, ok: true }
    } catch (error) {
      console.error(error)
      told = { feature, ok: false, why: String(error).slice(0, 600) }
    }
    console.log(JSON.stringify(told))
  }
  await simulate({})
  process.exit(0)
}
