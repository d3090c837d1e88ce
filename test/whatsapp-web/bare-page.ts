import { once } from 'node:events'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { WhatsAppWeb } from './server.ts'

/** A page's connection to the simulated WhatsApp without the page: the test says what it sends. */

export type Frame = { t: string } & Record<string, unknown>

export interface BarePage {
  socket: WebSocket
  tell(frame: Frame): void
  /** The next frame of a kind, past or to come; those before it are passed over. */
  heard(kind: string): Promise<Frame>
}

/** @param device the linked device it comes in as; undefined: none yet */
export const openBarePage = async (t: Test, web: WhatsAppWeb, device?: unknown): Promise<BarePage> => {
  const socket = new WebSocket(`wss://127.0.0.1:${web.port}/ws`, { rejectUnauthorized: false })
  t.teardown(() => socket.terminate())
  const frames: Frame[] = []
  socket.on('message', (data) => void frames.push(JSON.parse(String(data)) as Frame))
  await once(socket, 'open')
  const tell = (frame: Frame): void => socket.send(JSON.stringify(frame))
  tell({ t: 'hello', keys: { noise: 'n', identity: 'i', secret: 's', platform: '1' }, device })
  const heard = async (kind: string): Promise<Frame> => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.t === kind)
      if (at >= 0) return frames.splice(0, at + 1).at(-1) as Frame
      await once(socket, 'message')
    }
  }
  return { socket, tell, heard }
}

/** Scans the code that a page shows. @returns the device that it is from then on */
export const linkBarePage = async (web: WhatsAppWeb, { tell, heard }: BarePage): Promise<unknown> => {
  const scanned = web.scan()
  const { device } = await heard('paired')
  tell({ t: 'linked' })
  await scanned
  return device
}
