import { once } from 'node:events'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { encodeFrame, type Stanza } from './stanza.ts'
import type { WhatsAppWeb } from './server.ts'

/** A page's connection to the simulated WhatsApp without the page: the test says what it sends. */

export type Frame = { t: string } & Record<string, unknown>

export interface BarePage {
  socket: WebSocket
  tell(frame: Frame): void
  sendStanza(tag: string, attrs: Record<string, string>, child?: string): void
  /** The next frame of a kind, past or to come; those before it are passed over. */
  heard(kind: string): Promise<Frame>
}

/** @param device the linked device it comes in as; undefined: none yet */
export const openBarePage = async (
  t: Test,
  web: WhatsAppWeb,
  device?: unknown
): Promise<BarePage> => {
  const socket = new WebSocket(`wss://127.0.0.1:${web.port}/ws/chat`, { rejectUnauthorized: false })
  t.teardown(() => socket.terminate())
  const frames: Frame[] = []
  socket.on('message', (data) => void frames.push(JSON.parse(String(data)) as Frame))
  await once(socket, 'open')
  const tell = (frame: Frame): void => socket.send(JSON.stringify(frame))
  tell({ t: 'hello', keys: { noise: 'n', identity: 'i', secret: 's', platform: '1' }, device })
  const sendStanza = (tag: string, attrs: Record<string, string>, child?: string): void => {
    const content: Stanza[] | undefined =
      child === undefined ? undefined : [{ tag: child, attrs: {}, content: undefined }]
    socket.send(encodeFrame({ tag, attrs, content }))
  }
  const heard = async (kind: string): Promise<Frame> => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.t === kind)
      if (at >= 0) return frames.splice(0, at + 1).at(-1) as Frame
      await once(socket, 'message')
    }
  }
  // A device that comes in gives its keys and says that it is active.
  const sayActive = (): void => {
    sendStanza('iq', { id: 'keys', type: 'set', xmlns: 'encrypt' }, 'registration')
    sendStanza('iq', { id: 'active', type: 'set', xmlns: 'passive' }, 'active')
  }
  socket.on('message', (data) => {
    if ((JSON.parse(String(data)) as Frame).t === 'success') sayActive()
  })
  return { socket, tell, sendStanza, heard }
}

/** Scans the code that a page shows. @returns the device that it is from then on */
export const linkBarePage = async (
  web: WhatsAppWeb,
  { sendStanza, heard }: BarePage
): Promise<unknown> => {
  const scanned = web.scan()
  const { device } = await heard('paired')
  sendStanza('iq', { id: 'pair-success', type: 'result' }, 'pair-device-sign')
  await scanned
  return device
}
