import t from 'tap'
import { withSession } from './session.ts'

t.test('QR, scan, READY, and the first message', (t) =>
  withSession(t, {}, async (session) => {
    await session.web.scan()
    await session.ready()
    const { id } = session.web.phone.text({ from: '+5215512345678', text: 'Hola' })
    const { message } = await session.record(({ message }) => message.id === id)
    t.match(message, { body: 'Hola', phone: '+5215512345678' })
  })
)
