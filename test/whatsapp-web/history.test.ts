import t from 'tap'
import { createHistory, newState } from './history.ts'
import { message, serialized } from './models.ts'

/** What a linked device has of a chat: its last messages, and earlier ones as it asks for them. */

const ana = '5215512345678@c.us'

t.test(
  'a chat is held with its last messages, a short one whole; what the device was not told of is none of them',
  async (t) => {
    const history = createHistory(newState())
    const device = history.link()
    const ids = [1, 2, 3, 4].map((at) => {
      const model = message({ me: history.state.me.id, chat: ana, from: ana, t: at }, 'chat', {
        body: `message ${at}`
      })
      history.add(model)
      return serialized(model.id)
    })
    const heldAfter = (count: number): { t: number; ids: string[] } => {
      const told = history.state.messages.slice(0, count).at(-1)
      if (told !== undefined) history.acked(device, told.n)
      const [chat] = history.held(device, 3)
      return { t: chat?.t ?? NaN, ids: (chat?.last ?? []).map(({ id }) => serialized(id)) }
    }
    for (const count of [0, 1, 2, 3, 4])
      t.same(heldAfter(count), { t: count, ids: ids.slice(0, count).slice(-3) }, `${count} told of`)
    t.same(
      history.earlier(history.state.lastN, ana, ids[1], 50).map(({ t }) => t),
      [1]
    )
    t.same(
      history.earlier(history.state.lastN, ana, undefined, 2).map(({ t }) => t),
      [3, 4]
    )
  }
)
