// Anthropic's SDK for JavaScript.
import Anthropic from '@anthropic-ai/sdk'
import * as h from './harness.mjs'

const client = new Anthropic({ baseURL: h.URL_, apiKey: h.KEY, maxRetries: 0 })
const tools = [{ name: 'get_weather', input_schema: h.CITY }]
const ask = (content, more = {}) =>
  client.messages.create({ model: h.MODEL, max_tokens: 900, messages: [{ role: 'user', content }], ...more })
const text = async reply => (await reply).content.filter(block => block.type === 'text').map(block => block.text).join('')
const source = { type: 'base64', media_type: 'image/png', data: h.PNG }

await h.run({
  chat: () => text(ask(h.PROMPT)),
  async stream() {
    const pieces = []
    const stream = client.messages.stream({ model: h.MODEL, max_tokens: 900, messages: [{ role: 'user', content: h.PROMPT }] })
    stream.on('text', piece => pieces.push(piece))
    await stream.finalMessage()
    return pieces
  },
  async tools() {
    const messages = [{ role: 'user', content: h.WEATHER }]
    const reply = await client.messages.stream({ model: h.MODEL, max_tokens: 900, messages, tools }).finalMessage()
    const use = reply.content.find(block => block.type === 'tool_use')
    const result = { type: 'tool_result', tool_use_id: use.id, content: '18 degrees' }
    messages.push({ role: 'assistant', content: reply.content }, { role: 'user', content: [result] })
    return text(client.messages.create({ model: h.MODEL, max_tokens: 900, messages, tools }))
  },
  structured: async () =>
    JSON.parse(await text(ask(h.WHERE, { output_config: { format: { type: 'json_schema', schema: h.CITY } } }))).city,
  image: () => text(ask([{ type: 'image', source }, { type: 'text', text: h.PROMPT }])),
  error: () => ask(h.PROMPT),
  async cancel() {
    const events = await ask(h.PROMPT, { stream: true })
    let number = 0
    for await (const _ of events) if (++number === 8) break
    events.controller.abort()
  },
})
