// OpenAI's SDK for JavaScript: chat completions, or responses with KIND=responses.
import OpenAI from 'openai'
import * as h from './harness.mjs'

const client = new OpenAI({ baseURL: `${h.URL_}/v1`, apiKey: h.KEY, maxRetries: 0 })
const model = h.MODEL
const picture = `data:image/png;base64,${h.PNG}`

const fn = { name: 'get_weather', parameters: h.CITY, strict: true }
const chats = {
  ask: (content, more = {}) => client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more }),
  text: async reply => (await reply).choices[0].message.content,
  async stream() {
    const pieces = []
    for await (const chunk of await this.ask(h.PROMPT, { stream: true })) pieces.push(chunk.choices[0].delta.content ?? '')
    return pieces
  },
  async tools() {
    const tools = [{ type: 'function', function: fn }]
    const messages = [{ role: 'user', content: h.WEATHER }]
    const { message } = (await client.chat.completions.create({ model, messages, tools })).choices[0]
    messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '18 degrees' })
    return this.text(client.chat.completions.create({ model, messages, tools }))
  },
  form: { response_format: { type: 'json_schema', json_schema: { name: 'place', schema: h.CITY, strict: true } } },
  image: [{ type: 'text', text: h.PROMPT }, { type: 'image_url', image_url: { url: picture } }],
}
const responses = {
  ask: (input, more = {}) => client.responses.create({ model, input, store: false, ...more }),
  text: async reply => (await reply).output_text,
  async stream() {
    const pieces = []
    for await (const event of client.responses.stream({ model, input: h.PROMPT })) {
      if (event.type === 'response.output_text.delta') pieces.push(event.delta)
    }
    return pieces
  },
  async tools() {
    const tools = [{ type: 'function', ...fn }]
    const input = [{ role: 'user', content: h.WEATHER }]
    const reply = await this.ask(input, { tools })
    const call = reply.output.find(item => item.type === 'function_call')
    input.push(...reply.output, { type: 'function_call_output', call_id: call.call_id, output: '18 degrees' })
    return this.text(this.ask(input, { tools }))
  },
  form: { text: { format: { type: 'json_schema', name: 'place', schema: h.CITY, strict: true } } },
  image: [{ role: 'user', content: [{ type: 'input_text', text: h.PROMPT }, { type: 'input_image', image_url: picture, detail: 'auto' }] }],
}
const api = process.env.KIND === 'responses' ? responses : chats

await h.run({
  chat: () => api.text(api.ask(h.PROMPT)),
  stream: () => api.stream(),
  tools: () => api.tools(),
  structured: async () => JSON.parse(await api.text(api.ask(h.WHERE, api.form))).city,
  image: () => api.text(api.ask(api.image)),
  error: () => api.ask(h.PROMPT),
  async cancel() {
    const events = await api.ask(h.PROMPT, { stream: true })
    let number = 0
    for await (const _ of events) if (++number === 8) break
    events.controller.abort()
  },
})
