import { api } from './api.js'
import { arrange, byId, h, say } from './dom.js'
import { isProblem } from './request.js'
import { createSession } from './session.js'
import { texts } from './texts.js'

/** The sessions of all accounts that the hub follows, mostly one, and how they stand as a whole. */

/** What most needs someone comes first. */
const urgency = /** @type {const} */ ([
  'PROBLEM',
  'ERROR',
  'DISCONNECTED',
  'PASSKEY_REQUIRED',
  'QR_REQUIRED',
  'AUTHENTICATED',
  'INIT',
  'UNKNOWN',
  'READY'
])

/**
 * @param {{ onChange: (kind: string) => void, onAccounts: (names: string[]) => void }} options
 * `onChange`: how they stand, in one word; `onAccounts`: which there are
 */
export const createSessions = ({ onChange, onAccounts }) => {
  /** @type {Map<string | undefined, ReturnType<typeof createSession> & { title: HTMLElement }>} */
  const sessions = new Map()
  let live = false
  /** The names of all accounts but the first. @type {Promise<string[]>} */
  let further = Promise.resolve([])
  let ready = false

  const kind = () =>
    urgency.find((kind) => [...sessions.values()].some((session) => session.kind() === kind)) ??
    'UNKNOWN'
  const render = () => {
    if (!ready) return
    // what was told last may be true no more
    const known = live ? kind() : 'UNKNOWN'
    say(byId('pill-text'), texts.pill[known])
    byId('pill').dataset.how = known
    onChange(kind())
  }
  /** @param {string | undefined} account */
  const add = (account) => {
    const session = { ...createSession(account, render), title: h('h3', {}, account ?? '') }
    sessions.set(account, session)
    return session
  }
  const show = () =>
    arrange(
      byId('session'),
      [...sessions].flatMap(([, { box, title }]) => (sessions.size > 1 ? [title, box] : [box]))
    )

  add(undefined)
  show()
  ready = true
  return {
    kind,
    /** The hub answers: which accounts has it? */
    open: () => {
      further = api.accounts().then(
        ({ accounts }) => {
          onAccounts(accounts.flatMap(({ account }) => account ?? []))
          return accounts.slice(1).flatMap(({ account }) => account ?? [])
        },
        () => []
      )
    },
    /** The hub cannot be asked just now. */
    lost: () => {
      live = false
      render()
    },
    /**
     * @param {import('../../contract/session.ts').Status |
     * import('../../contract/problem.ts').Problem} told what an event told
     */
    apply: async (told) => {
      const names = await further
      for (const [name, session] of sessions) {
        if (name === undefined || names.includes(name)) continue
        session.end()
        sessions.delete(name)
      }
      for (const name of names) if (!sessions.has(name)) add(name)
      const { account } = told
      const of = account !== undefined && names.includes(account) ? account : undefined
      const session = sessions.get(of)
      if (of === undefined && !isProblem(told) && session) say(session.title, told.account)
      live = true
      session?.apply(told)
      show()
    },
    render: () => {
      for (const session of sessions.values()) session.render()
    }
  }
}
