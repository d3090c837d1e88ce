import { api } from './api.js'
import { byId, h, rowButton, say } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { LoadedList } from './loaded-list.js'
import { whoIsIn } from './me.js'
import { fill, texts } from './texts.js'

/** The account of the person who is signed in: who that is, the password, the sessions. */

/** @typedef {import('../../contract/team.ts').OperatorSession} OperatorSession */

/** Names of browsers and systems as `User-Agent` has them, the telling ones first. */
const browsers = /** @type {const} */ ([
  ['Edg', 'Edge'],
  ['OPR', 'Opera'],
  ['Firefox', 'Firefox'],
  ['Chrome', 'Chrome'],
  ['Safari', 'Safari']
])
const systems = /** @type {const} */ ([
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Macintosh', 'Mac'],
  ['Linux', 'Linux']
])

/**
 * `Firefox · Windows`; what the browser says of itself where that is not known.
 * @param {string} said
 */
const browserOf = (said) => {
  const known = [browsers, systems].flatMap(
    (names) => names.find(([mark]) => said.includes(mark))?.[1] ?? []
  )
  return known.length === 0 ? said : known.join(' · ')
}

export class Account {
  #sessions = new LoadedList({
    box: byId('my-sessions'),
    read: async () => (await api.mySessions()).sessions,
    row: (session) => this.#item(session),
    // The session of this page is one.
    none: () => ''
  })
  #form = byId('password-form')
  #outcome = byId('password-outcome')
  #isWorking = false

  constructor() {
    this.#form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void this.#changePassword()
    })
  }

  /** Reads the sessions again. */
  load() {
    this.#outcome.replaceChildren()
    this.render()
    if (whoIsIn()?.kind === 'operator') void this.#sessions.load()
  }

  render() {
    const me = whoIsIn()
    const isOperator = me?.kind === 'operator'
    byId('account').hidden = me === undefined
    this.#form.hidden = !isOperator
    byId('my-sessions-part').hidden = !isOperator
    say(
      byId('account-who'),
      me?.role ? `${me.name} · ${texts.roles[me.role]}` : texts.signedInByToken
    )
    this.#sessions.render()
  }

  /** @param {OperatorSession} session */
  #item({ id, user_agent, last_used_at, current }) {
    const name = browserOf(user_agent)
    const end = async () => {
      await api.endMySession(id)
      await this.#sessions.load()
    }
    return h(
      'li',
      { class: 'hook split' },
      h(
        'div',
        {},
        h('p', {}, h('bdi', {}, name || texts.unknownBrowser)),
        h(
          'p',
          { class: 'small muted' },
          current
            ? texts.thisBrowser
            : fill(texts.lastUsed, { at: dateTime(new Date(last_used_at)) })
        )
      ),
      !current && rowButton(texts.endSession, name, () => void this.#act(end))
    )
  }

  async #changePassword() {
    const [now, wanted] = [byId('password-now'), byId('password-new')]
    await this.#act(async () => {
      await api.changePassword(now.value, wanted.value)
      this.#form.reset()
      this.#outcome.replaceChildren(h('p', {}, texts.passwordChanged))
      await this.#sessions.load()
    })
  }

  /** @param {() => Promise<void>} run */
  async #act(run) {
    if (this.#isWorking) return
    this.#isWorking = true
    this.#outcome.replaceChildren()
    try {
      await run()
    } catch (error) {
      this.#outcome.replaceChildren(errorNote(error))
    } finally {
      this.#isWorking = false
    }
  }
}
