import t from 'tap'
import {
  installSocketWatch,
  type SocketWatch
} from '../../../src/session-manager/whatsapp/socket-watch.ts'
import { inPage } from './in-page.ts'

const prologue = [0x57, 0x41, 6, 3]
const frame = (length: number): number[] => [
  length >>> 16,
  (length >>> 8) & 255,
  length & 255,
  ...Array<number>(length).fill(7)
]
const bytes = (...parts: number[][]): Uint8Array => new Uint8Array(parts.flat())
const routing = [0x45, 0x44, 0, 1, 0, 0, 5, 1, 2, 3, 4, 5]

/** A page whose connection notes what is handed to it. */
const open = (
  url = 'wss://web.whatsapp.com/ws/chat'
): {
  watch: SocketWatch
  transmit: (data: unknown, socket?: object) => void
  left: unknown[]
  socket: object
} => {
  const left: unknown[] = []
  class WebSocket {
    url = url
    send(data: unknown): void {
      left.push(data)
    }
  }
  const it = inPage({ WebSocket, ArrayBuffer, Uint8Array })
  it.run(installSocketWatch as never)
  const first = new WebSocket()
  return {
    left,
    socket: new WebSocket(),
    watch: it.world[Symbol.for('leadmaster.sockets') as unknown as string] as SocketWatch,
    transmit: (data, socket = first) => (socket as WebSocket).send(data)
  }
}

t.test('the handshake and what was allowed is seen; what was not is counted', async (t) => {
  for (const [name, first] of [
    ['as usual', bytes(prologue, frame(36))],
    ['with a routing text', bytes(routing, prologue, frame(36))]
  ] as const) {
    const { watch, transmit, left } = open()
    transmit(first)
    transmit(bytes(frame(150)))
    for (const length of [40, 900, 40]) watch.passed(length)
    transmit(bytes(frame(56)))
    transmit(bytes(frame(916), frame(56)))
    t.same(watch.look(), { sockets: 1, unseen: 0 }, name)

    transmit(bytes(frame(56)))

    t.same(
      watch.look(),
      { sockets: 1, unseen: 1 },
      `${name}: a frame of that length was allowed twice only`
    )
    t.equal(left.length, 5, 'all is handed on as it was')
    t.equal(left[0], first)
  }
})

t.test('another connection has a handshake of its own', async (t) => {
  const { watch, transmit, socket } = open()
  transmit(bytes(prologue, frame(36)))
  watch.passed(20)
  transmit(bytes(frame(36)))
  transmit(bytes(prologue, frame(48)), socket)
  transmit(bytes(frame(99)), socket)
  t.same(watch.look(), { sockets: 2, unseen: 0 })
  transmit(bytes(frame(99)), socket)
  t.same(watch.look(), { sockets: 2, unseen: 1 })
})

t.test(
  'a stanza that was allowed and never sent is not taken for the handshake of the next connection',
  async (t) => {
    const { watch, transmit, socket } = open()
    transmit(bytes(prologue, frame(36)))
    watch.passed(20)
    transmit(bytes(frame(36)))
    watch.passed(20)
    transmit(bytes(prologue, frame(36)), socket)
    transmit(bytes(frame(300)), socket)
    t.same(watch.look(), { sockets: 2, unseen: 0 })
  }
)

t.test('stanzas of more lengths than are kept leave none of those that wait behind', async (t) => {
  const { watch, transmit } = open()
  transmit(bytes(prologue, frame(36)))
  for (let length = 1; length < 10_500; length += 1) {
    watch.passed(length)
    if (length !== 50) transmit(bytes(frame(length + 16)))
  }
  transmit(bytes(frame(66)))
  t.same(watch.look(), { sockets: 1, unseen: 0 })
})

t.test('where nothing passes, more frames than a handshake are a hole', async (t) => {
  const { watch, transmit } = open()
  transmit(bytes(prologue, frame(36)))
  transmit(bytes(frame(150)))
  t.same(watch.look(), { sockets: 1, unseen: 0 })
  transmit(bytes(frame(30)))
  t.same(watch.look(), { sockets: 1, unseen: 1 })
})

t.test('where frames have another form, their number counts', async (t) => {
  const { watch, transmit } = open()
  for (let round = 0; round < 5; round += 1) {
    watch.passed(40)
    transmit(new Uint8Array([9, 9, 9, 9, 9]).buffer)
  }
  t.same(watch.look(), { sockets: 1, unseen: 0 })
  for (let round = 0; round < 3; round += 1) transmit(new Uint8Array([9, 9, 9, 9, 9]))
  t.same(watch.look(), { sockets: 1, unseen: 1 })
})

t.test("other connections, and text, are none of WhatsApp's", async (t) => {
  const other = open('wss://edge.example/ws')
  for (let round = 0; round < 9; round += 1) other.transmit(bytes(frame(30)))
  t.same(other.watch.look(), { sockets: 0, unseen: 0 })

  const { watch, transmit, left } = open()
  for (let round = 0; round < 9; round += 1) transmit('{"t":"hello"}')
  t.same(watch.look(), { sockets: 1, unseen: 0 })
  t.equal(left.length, 9)
})

t.test('a window without connections is no fault', async (t) => {
  const it = inPage()
  it.run(installSocketWatch as never)
  t.same((it.world[Symbol.for('leadmaster.sockets') as unknown as string] as SocketWatch).look(), {
    sockets: 0,
    unseen: 0
  })
})
