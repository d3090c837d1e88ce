import { api } from './api.js'
import { byId, copyText, h, rowButton } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { LoadedList } from './loaded-list.js'
import { fill, texts } from './texts.js'

/** The API keys: programs that may call the hub, each with scopes of its own. */

/** @typedef {import('../../contract/team.ts').ApiKey} ApiKey */
/** @typedef {import('../../contract/access.ts').Scope} Scope */
/** @typedef {import('./dialog.js').ConfirmDialog} ConfirmDialog */

const scopes = () => /** @type {[Scope, string][]} */ (Object.entries(texts.scopes))

/** @param {Scope} scope @param {string} words @param {boolean} isChosen */
const scopeField = (scope, words, isChosen) =>
  h(
    'label',
    { class: 'check' },
    h('input', { type: 'checkbox', name: 'scope', value: scope, checked: isChosen }),
    h('span', {}, words, ' ', h('code', { class: 'small muted' }, scope))
  )

export class KeyList {
  #dialog
  #list = new LoadedList({
    box: byId('api-keys'),
    read: async () => (await api.keys()).keys,
    row: (key) => this.#item(key),
    none: () => texts.keysNone
  })
  #outcome = byId('api-keys-outcome')
  #form = byId('api-key-form')
  #name = byId('api-key-name')
  #scopes = byId('api-key-scopes')
  /** The key that is shown, once. @type {number | undefined} */
  #shownId
  #isWorking = false

  /** @param {ConfirmDialog} dialog */
  constructor(dialog) {
    this.#dialog = dialog
    this.#form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void this.#make()
    })
  }

  /** Reads the keys again. A key that was shown is not shown any more. */
  load() {
    this.#outcome.replaceChildren()
    this.render()
    void this.#list.load()
  }

  render() {
    const chosen = this.#chosen()
    this.#scopes.replaceChildren(
      ...scopes().map(([scope, words]) => scopeField(scope, words, chosen.includes(scope)))
    )
    this.#list.render()
  }

  #chosen() {
    return [...this.#scopes.querySelectorAll(':checked')].map(({ value }) => value)
  }

  /** @param {ApiKey} key */
  #item(key) {
    const { name, prefix, scopes: its, created_at, last_used_at } = key
    const times = [
      fill(texts.keyMadeAt, { at: dateTime(new Date(created_at)) }),
      last_used_at === null
        ? texts.keyUnused
        : fill(texts.lastUsed, { at: dateTime(new Date(last_used_at)) })
    ]
    return h(
      'li',
      { class: 'hook' },
      h(
        'p',
        {},
        h('strong', {}, h('bdi', {}, name)),
        ' ',
        h('code', { class: 'url' }, `${prefix}…`)
      ),
      h('p', { class: 'small' }, its.map((scope) => texts.scopes[scope]).join(' · ')),
      h('p', { class: 'small muted' }, times.join(' · ')),
      h(
        'div',
        { class: 'buttons' },
        rowButton(texts.keyRevoke, name, () => this.#askRevoke(key), { class: 'danger-text' })
      )
    )
  }

  /** @param {ApiKey} key */
  #askRevoke({ id, name }) {
    this.#dialog.ask({
      title: fill(texts.keyRevokeTitle, { name }),
      text: texts.keyRevokeText,
      yes: texts.keyRevokeYes,
      isDanger: true,
      run: async () => {
        await api.revokeKey(id)
        // Another key that was just made is shown this once.
        if (id === this.#shownId) this.#outcome.replaceChildren()
        await this.#list.load()
      }
    })
  }

  async #make() {
    if (this.#isWorking) return
    const chosen = this.#chosen()
    if (chosen.length === 0)
      return this.#outcome.replaceChildren(h('p', { class: 'error' }, texts.keyScopesPick))
    this.#isWorking = true
    try {
      const { id, key } = await api.makeKey({ name: this.#name.value.trim(), scopes: chosen })
      this.#shownId = id
      this.#form.reset()
      this.#outcome.replaceChildren(this.#shownOnce(key))
    } catch (error) {
      this.#outcome.replaceChildren(errorNote(error))
    } finally {
      this.#isWorking = false
    }
    await this.#list.load()
  }

  /** @param {string} key */
  #shownOnce(key) {
    const said = h('span', { class: 'small' })
    const copy = async () => {
      said.textContent = (await copyText(key)) ? texts.copied : texts.notCopied
    }
    return h(
      'div',
      { class: 'note stack' },
      h('p', {}, texts.keyOnce),
      h('code', { class: 'whole-key' }, key),
      h(
        'p',
        { class: 'buttons' },
        h('button', { type: 'button', onclick: () => void copy() }, texts.copyKey),
        said
      )
    )
  }
}
