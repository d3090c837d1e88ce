import { api } from './api.js'
import { byId, h, rowButton } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { LoadedList } from './loaded-list.js'
import { fill, texts } from './texts.js'

/** The operators: who may sign in, in which role. */

/** @typedef {import('../../contract/team.ts').Operator} Operator */
/** @typedef {import('../../contract/access.ts').Role} Role */
/** @typedef {import('./dialog.js').ConfirmDialog} ConfirmDialog */

const roles = /** @type {const} */ (['operator', 'viewer', 'admin'])

/** @param {Role} [chosen] */
const roleOptions = (chosen) =>
  roles.map((role) => h('option', { value: role, selected: role === chosen }, texts.roles[role]))

/** @param {Operator} operator */
const describeState = ({ enabled, last_sign_in_at }) => [
  ...(enabled ? [] : [texts.turnedOff]),
  last_sign_in_at === null
    ? texts.neverSignedIn
    : fill(texts.lastSignIn, { at: dateTime(new Date(last_sign_in_at)) })
]

export class Team {
  #dialog
  #onOperators
  #list = new LoadedList({
    box: byId('operators'),
    read: async () => {
      const { operators } = await api.operators()
      this.#onOperators(operators)
      return operators
    },
    row: (operator) => this.#item(operator),
    none: () => texts.operatorsNone
  })
  #outcome = byId('operators-outcome')
  #form = byId('operator-form')
  #isAdding = false
  /** Changes run one after the other. @type {Promise<void>} */
  #changes = Promise.resolve()

  /**
   * @param {ConfirmDialog} dialog
   * @param {(operators: readonly Operator[]) => void} onOperators gets each list that is read
   */
  constructor(dialog, onOperators) {
    this.#dialog = dialog
    this.#onOperators = onOperators
    this.#form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void this.#add()
    })
  }

  /** Reads the operators again. */
  load() {
    this.#outcome.replaceChildren()
    this.render()
    void this.#list.load()
  }

  render() {
    const role = byId('operator-role')
    role.replaceChildren(...roleOptions(role.value))
    this.#list.render()
  }

  /** @param {Operator} operator */
  #item(operator) {
    const { username, name } = operator
    return h(
      'li',
      { class: 'hook' },
      h(
        'p',
        {},
        h('strong', {}, h('bdi', {}, name)),
        ' ',
        h('bdi', { class: 'url' }, name === username ? '' : username)
      ),
      h('p', { class: 'small muted' }, describeState(operator).join(' · ')),
      this.#buttons(operator)
    )
  }

  /** @param {Operator} operator */
  #buttons(operator) {
    const { id, name, role, enabled } = operator
    const select = h(
      'select',
      {
        'aria-label': `${texts.role}: ${name}`,
        'data-key': `role-${id}`,
        onchange: (/** @type {Event} */ { target }) => {
          const { value } = /** @type {HTMLSelectElement} */ (target)
          void this.#change(() => api.patchOperator(id, { role: /** @type {Role} */ (value) }))
        }
      },
      ...roleOptions(role)
    )
    const toggle = () => void this.#change(() => api.patchOperator(id, { enabled: !enabled }))
    return h(
      'div',
      { class: 'buttons' },
      select,
      rowButton(texts.passwordReset, name, () => this.#askPassword(operator)),
      rowButton(enabled ? texts.turnOff : texts.turnOn, name, toggle, {
        'data-key': `toggle-${id}`
      }),
      rowButton(texts.removeOperator, name, () => this.#askRemove(operator), {
        class: 'danger-text'
      })
    )
  }

  /** @param {Operator} operator */
  #askPassword({ id, name }) {
    this.#dialog.ask({
      title: fill(texts.passwordResetTitle, { name }),
      text: texts.passwordResetText,
      yes: texts.passwordSet,
      withPassword: true,
      run: async (password) => {
        await api.setPassword(id, password)
        this.#outcome.replaceChildren(h('p', {}, fill(texts.passwordIsSet, { name })))
      }
    })
  }

  /** @param {Operator} operator */
  #askRemove({ id, name }) {
    this.#dialog.ask({
      title: fill(texts.removeOperatorTitle, { name }),
      text: texts.removeOperatorText,
      yes: texts.removeOperatorYes,
      isDanger: true,
      run: async () => {
        await api.removeOperator(id)
        await this.#list.load()
      }
    })
  }

  async #add() {
    if (this.#isAdding) return
    this.#isAdding = true
    const [username, name, role, password] = ['username', 'name', 'role', 'password'].map((field) =>
      byId(`operator-${field}`)
    )
    await this.#change(async () => {
      await api.addOperator({
        username: username.value.trim(),
        name: name.value.trim() || username.value.trim(),
        role: role.value,
        password: password.value
      })
      this.#form.reset()
      this.#outcome.replaceChildren(h('p', {}, texts.operatorAdded))
    })
    this.#isAdding = false
  }

  /**
   * Changes something when what was begun before is done, and shows what the hub has then.
   * @param {() => Promise<unknown>} run
   */
  #change(run) {
    this.#changes = this.#changes.then(() => this.#changeNow(run))
    return this.#changes
  }

  /** @param {() => Promise<unknown>} run */
  async #changeNow(run) {
    this.#outcome.replaceChildren()
    try {
      await run()
    } catch (error) {
      this.#outcome.replaceChildren(errorNote(error))
    }
    await this.#list.load()
  }
}
