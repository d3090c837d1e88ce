import { api } from './api.js'
import { arrange, byId, h, say } from './dom.js'
import { isProblem } from './request.js'
import { Session } from './session.js'
import { texts } from './texts.js'

/** The sessions of all accounts that the hub follows, usually one, and their state as a whole. */

/** The states, those that need a person most first. */
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

export class Sessions {
  #onChange
  #onAccounts
  /** @type {Map<string | undefined, { session: Session, title: HTMLElement }>} */
  #sessions = new Map()
  #isLive = false
  /** The names of all accounts but the first. @type {Promise<string[]>} */
  #further = Promise.resolve([])
  #isReady = false

  /**
   * @param {{ onChange: (kind: string) => void, onAccounts: (names: string[]) => void }} options
   * `onChange`: the state of all sessions, in one word; `onAccounts`: the names of the accounts
   */
  constructor({ onChange, onAccounts }) {
    this.#onChange = onChange
    this.#onAccounts = onAccounts
    this.#add(undefined)
    this.#show()
    this.#isReady = true
  }

  kind() {
    const kinds = new Set([...this.#sessions.values()].map(({ session }) => session.kind()))
    return urgency.find((kind) => kinds.has(kind)) ?? 'UNKNOWN'
  }

  /** The hub answers: asks for its accounts. */
  open() {
    this.#further = api.accounts().then(
      ({ accounts }) => {
        this.#onAccounts(accounts.flatMap(({ account }) => account ?? []))
        return accounts.slice(1).flatMap(({ account }) => account ?? [])
      },
      () => []
    )
  }

  /** The hub cannot be asked now. */
  lost() {
    this.#isLive = false
    this.#render()
  }

  /**
   * @param {import('../../contract/session.ts').Status |
   * import('../../contract/problem.ts').Problem} state of an event
   */
  async apply(state) {
    const names = await this.#further
    this.#keepOnly(names)
    const { account } = state
    const name = account !== undefined && names.includes(account) ? account : undefined
    const known = this.#sessions.get(name)
    if (name === undefined && !isProblem(state) && known) say(known.title, state.account)
    this.#isLive = true
    known?.session.apply(state)
    this.#show()
  }

  /** Another person is signed in, or the role is another one. */
  offer() {
    for (const { session } of this.#sessions.values()) session.offer()
  }

  render() {
    for (const { session } of this.#sessions.values()) session.render()
  }

  /** Ends the sessions of other accounts, and adds missing ones. @param {string[]} names */
  #keepOnly(names) {
    for (const [name, { session }] of this.#sessions) {
      if (name === undefined || names.includes(name)) continue
      session.end()
      this.#sessions.delete(name)
    }
    for (const name of names) if (!this.#sessions.has(name)) this.#add(name)
  }

  /** @param {string | undefined} account */
  #add(account) {
    const session = new Session(account, () => this.#render())
    this.#sessions.set(account, { session, title: h('h3', {}, account ?? '') })
  }

  #show() {
    const hasSeveral = this.#sessions.size > 1
    arrange(
      byId('session'),
      [...this.#sessions.values()].flatMap(({ session: { box }, title }) =>
        hasSeveral ? [title, box] : [box]
      )
    )
  }

  #render() {
    if (!this.#isReady) return
    // Without a connection the last known state may be wrong.
    const known = this.#isLive ? this.kind() : 'UNKNOWN'
    say(byId('pill-text'), texts.pill[known])
    byId('pill').dataset.how = known
    this.#onChange(this.kind())
  }
}
