import { api } from './api.js'
import { byId, h, keepFocus } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { leadAddress } from './route.js'
import { fill, texts } from './texts.js'

/** Who did what, latest first, for admins: a page at a time, by person and by what was done. */

/** @typedef {import('../../contract/audit.ts').AuditEntry} AuditEntry */
/** @typedef {Exclude<AuditEntry['subject'], null>} Subject */

/** @param {AuditEntry} entry */
const whoOf = ({ actor: { kind, name } }) => {
  if (kind === 'token') return 'HUB_API_TOKEN'
  if (kind === 'nobody') return texts.auditNobody
  return kind === 'key' ? fill(texts.auditByKey, { name: name ?? '' }) : (name ?? '')
}

/** @param {Subject} subject */
const subjectNode = ({ kind, id }) => {
  const words = `${texts.auditKind[kind]} ${id}`
  return kind === 'lead' ? h('a', { href: leadAddress(Number(id)) }, words) : h('bdi', {}, words)
}

/** @param {AuditEntry} entry */
const item = (entry) => {
  const { at, operation, refused, subject, fields, address } = entry
  const did = /** @type {Record<string, string>} */ (texts.auditDid)
  return h(
    'li',
    { class: 'hook' },
    h(
      'p',
      {},
      h('strong', {}, h('bdi', {}, whoOf(entry))),
      ': ',
      refused ? texts.auditRefused : (did[operation] ?? operation),
      subject ? ' · ' : '',
      subject ? subjectNode(subject) : ''
    ),
    h(
      'p',
      { class: 'small muted' },
      h('time', { datetime: at }, dateTime(new Date(at))),
      ` · ${address}`,
      fields.length > 0 ? ' · ' : '',
      fields.length > 0 ? h('code', {}, fields.join(', ')) : ''
    )
  )
}

export class AuditList {
  #box = byId('audit')
  #more = byId('audit-more')
  #who = byId('audit-who')
  #what = byId('audit-what')
  #file = byId('audit-file')
  /** @type {AuditEntry[]} */
  #entries = []
  /** @type {string | null} */
  #cursor = null
  #isLoaded = false
  /** @type {unknown} */
  #error
  /** @type {readonly import('../../contract/team.ts').Operator[]} */
  #operators = []
  /** Counts what was asked for: an answer to something else is not shown. */
  #asked = 0

  constructor() {
    for (const select of [this.#who, this.#what])
      select.addEventListener('change', () => void this.#read())
    this.#more.addEventListener('click', () => void this.#read(this.#cursor))
  }

  /** Reads the list again, from its beginning. */
  load() {
    void this.#read()
  }

  /** @param {readonly import('../../contract/team.ts').Operator[]} operators to choose from */
  setOperators(operators) {
    this.#operators = operators
    this.render()
  }

  render() {
    this.#options(
      this.#who,
      texts.auditEverybody,
      this.#operators.map(({ id, name }) => [`${id}`, name])
    )
    this.#options(this.#what, texts.auditEverything, Object.entries(texts.auditDid))
    this.#file.href = `/api/audit.csv?${this.#filters()}`
    this.#more.hidden = this.#cursor === null || this.#error !== undefined
    keepFocus(this.#box, () => this.#box.replaceChildren(this.#content()))
  }

  /** @param {any} select @param {string} all @param {[string, string][]} choices */
  #options(select, all, choices) {
    const chosen = select.value
    select.replaceChildren(
      h('option', { value: '' }, all),
      ...choices.map(([value, words]) => h('option', { value }, words))
    )
    select.value = chosen
  }

  #filters() {
    const filters = new URLSearchParams()
    if (this.#who.value !== '') filters.set('operator', this.#who.value)
    if (this.#what.value !== '') filters.set('operation', this.#what.value)
    return filters
  }

  #content() {
    if (this.#error !== undefined) return errorNote(this.#error, () => void this.#read())
    if (!this.#isLoaded) return h('p', { class: 'muted' }, texts.loading)
    if (this.#entries.length === 0) return h('p', { class: 'muted' }, texts.auditNone)
    return h('ul', { class: 'hooks' }, ...this.#entries.map(item))
  }

  /** @param {string | null} [cursor] */
  async #read(cursor = null) {
    this.#asked += 1
    const asked = this.#asked
    const filters = this.#filters()
    if (cursor !== null) filters.set('cursor', cursor)
    try {
      const { entries, next_cursor } = await api.audit(filters)
      if (asked !== this.#asked) return
      this.#entries = cursor === null ? entries : [...this.#entries, ...entries]
      this.#cursor = next_cursor
      this.#isLoaded = true
      this.#error = undefined
    } catch (error) {
      if (asked !== this.#asked) return
      this.#error = error
    }
    this.render()
  }
}
