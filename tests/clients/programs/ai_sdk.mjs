// Vercel's AI SDK with its OpenAI provider (responses, or chat with KIND=chat) or its Anthropic one (KIND=anthropic).
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai'
import * as h from './harness.mjs'

const settings = { baseURL: `${h.URL_}/v1`, apiKey: h.KEY }
const kind = process.env.KIND
const model =
  kind === 'anthropic'
    ? createAnthropic(settings)(h.MODEL)
    : kind === 'chat'
      ? createOpenAI(settings).chat(h.MODEL)
      : createOpenAI(settings)(h.MODEL)
const common = { model, maxRetries: 0, maxOutputTokens: 900 }
const get_weather = tool({
  description: 'The weather in a city.',
  inputSchema: jsonSchema(h.CITY),
  execute: async ({ city }) => (city === 'Paris' ? '18 degrees' : 'unknown'),
})

await h.run({
  chat: async () => (await generateText({ ...common, prompt: h.PROMPT })).text,
  async stream() {
    const pieces = []
    for await (const piece of streamText({ ...common, prompt: h.PROMPT }).textStream) pieces.push(piece)
    return pieces
  },
  tools: async () =>
    (await generateText({ ...common, prompt: h.WEATHER, tools: { get_weather }, stopWhen: stepCountIs(3) })).text,
  async structured() {
    const output = Output.object({ schema: jsonSchema(h.CITY) })
    const reply = await generateText({ ...common, prompt: h.WHERE, output })
    return reply.output.city
  },
  async image() {
    const content = [{ type: 'text', text: h.PROMPT }, { type: 'image', image: Buffer.from(h.PNG, 'base64') }]
    return (await generateText({ ...common, messages: [{ role: 'user', content }] })).text
  },
  error: async () => (await generateText({ ...common, prompt: h.PROMPT })).text,
  async cancel() {
    const leaving = new AbortController()
    const reply = streamText({ ...common, prompt: h.PROMPT, abortSignal: leaving.signal, onError() {} })
    let number = 0
    for await (const _ of reply.textStream) {
      if (++number === 4) {
        leaving.abort()
        break
      }
    }
  },
})
