import { api } from './api.js'
import { givenName } from './lead.js'
import { ApiError } from './request.js'
import { Retry } from './retry.js'
import { keepUnsaved, readUnsaved } from './unsaved.js'

/**
 * Changes of leads that the hub does not have yet. A draft belongs to one field of one lead and
 * stays until the hub has it: no event, no other lead, no lost connection and no reload of the page
 * removes it. It never overwrites another person's change without asking.
 */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {'state' | 'note' | 'tags' | 'assignee' | 'name'} Field */
/**
 * @typedef {object} Draft
 * @property {any} value
 * @property {any} base what the hub had when the change began
 * @property {any} [theirs] in a conflict, what the hub has now
 * @property {boolean} [conflict]
 * @property {unknown} [error] why it could not be saved
 * @property {boolean} [isSaving]
 * @property {boolean} [isQueued] to be saved again after the save that is under way
 * @property {boolean} [isRestored] typed before the page was loaded again
 */

/** @param {unknown} a @param {unknown} b */
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

/** What people entered in a field. @param {Lead} lead @param {Field} field */
export const saidOf = (lead, field) => (field === 'name' ? givenName(lead) : lead[field])

/**
 * Merges tags that were added and removed here with those that others added and removed.
 * @param {string[]} base @param {string[]} mine @param {string[]} theirs
 */
const mergeTags = (base, mine, theirs) =>
  [
    ...new Set([
      ...theirs.filter((tag) => mine.includes(tag) || !base.includes(tag)),
      ...mine.filter((tag) => !base.includes(tag))
    ])
  ].sort()

/** Whether the same request may succeed later. @param {unknown} error */
export const isPassing = (error) =>
  error instanceof ApiError &&
  (['no-answer', 'too-many-requests'].includes(error.kind) || error.problem.status >= 500)

/**
 * The drafts from before a reload of the page.
 * @returns {[number, Partial<Record<Field, Draft>>][]}
 */
const restoredDrafts = () => {
  const restored =
    /** @type {[number, Partial<Record<Field, Draft>>][] | undefined} */ (readUnsaved()) ?? []
  for (const [, fields] of restored)
    for (const draft of Object.values(fields)) draft.isRestored = true
  return restored
}

/** The part of a draft that is kept over a reload. @param {Draft} draft */
const keptOf = ({ value, base, theirs, conflict }) =>
  conflict ? { value, base, theirs, conflict } : { value, base }

/** @param {Partial<Record<Field, Draft>>} fields @returns {[Field, Draft][]} */
const entriesOf = (fields) => /** @type {[Field, Draft][]} */ (Object.entries(fields))

/**
 * Bases a draft on the lead as it is now.
 * @param {Draft} draft @param {Field} field @param {Lead} lead
 * @returns {boolean} false: somebody else changed the field, and the draft has a conflict
 */
const rebase = (draft, field, lead) => {
  const theirs = saidOf(lead, field)
  if (same(theirs, draft.base)) return true
  if (field === 'tags') draft.value = mergeTags(draft.base, draft.value, lead.tags)
  else if (!same(theirs, draft.value)) {
    Object.assign(draft, { theirs, conflict: true })
    return false
  }
  draft.base = theirs
  return true
}

/** Runs the saves of one lead one after another: each changes the ETag that the next one sends. */
class SaveQueue {
  /** The latest save of each lead. @type {Map<number, Promise<unknown>>} */
  #latest = new Map()

  /** @param {number} id @param {() => Promise<Lead | undefined>} save */
  run(id, save) {
    const turn = (this.#latest.get(id) ?? Promise.resolve()).then(save, save)
    this.#latest.set(id, turn)
    const leave = () => this.#latest.get(id) === turn && this.#latest.delete(id)
    turn.then(leave, leave)
    return turn
  }
}

export class Drafts {
  #onSaved
  #onChange
  /** By lead, then by field. @type {Map<number, Partial<Record<Field, Draft>>>} */
  #all = new Map(restoredDrafts())
  #queue = new SaveQueue()
  #retry = new Retry(() => this.#saveFailed())

  /**
   * @param {{ onSaved: (lead: Lead) => void, onChange: () => void }} options `onChange`: the state
   * of a draft changed
   */
  constructor({ onSaved, onChange }) {
    this.#onSaved = onSaved
    this.#onChange = onChange
    addEventListener('beforeunload', (event) => {
      if (this.#all.size > 0) event.preventDefault()
    })
  }

  /** @param {number} id @param {Field} field */
  get(id, field) {
    return this.#all.get(id)?.[field]
  }

  /**
   * @param {number} id @param {Field} field @param {any} value @param {any} base what the hub has:
   * for a new draft
   */
  set(id, field, value, base) {
    const draft = this.get(id, field) ?? { value, base }
    draft.value = value
    this.#all.set(id, { ...this.#all.get(id), [field]: draft })
    if (same(draft.value, draft.base) && !draft.isSaving && !draft.conflict) this.#drop(id, field)
    this.#changed()
  }

  /**
   * Sends a draft to the hub, unless it is being saved or in a conflict.
   * @param {number} id @param {Field} field
   */
  async save(id, field) {
    const draft = this.get(id, field)
    if (!draft || draft.conflict) return
    draft.isQueued = draft.isSaving === true
    if (draft.isSaving) return
    draft.isSaving = true
    delete draft.error
    delete draft.isRestored
    this.#changed()
    try {
      const lead = await this.#queue.run(id, () => this.#put(id, field, draft))
      if (lead) this.#onSaved(lead)
    } catch (error) {
      this.#fail(id, draft, error)
    }
    draft.isSaving = false
    if (!this.#each().some(({ draft: { error } }) => isPassing(error))) this.#retry.settled()
    this.#changed()
    if (draft.isQueued && draft.error === undefined) void this.save(id, field)
  }

  /** Saves all drafts, or those of one lead, such as before leaving it. @param {number} [leadId] */
  flush(leadId) {
    const drafts = this.#each().filter(({ id }) => leadId === undefined || leadId === id)
    return Promise.all(drafts.map(({ id, field }) => this.save(id, field)))
  }

  /** Tries again what failed because the hub was unreachable, or had signed us out. */
  retryFailed() {
    this.#retry.now()
  }

  /** An event brought a lead: somebody else may have changed a field. @param {Lead} lead */
  apply(lead) {
    for (const [field, draft] of entriesOf(this.#all.get(lead.id) ?? {})) {
      const theirs = saidOf(lead, field)
      if (field === 'tags' || draft.isSaving || same(theirs, draft.base)) continue
      if (same(theirs, draft.value)) this.#drop(lead.id, field)
      else Object.assign(draft, { theirs, conflict: true })
    }
  }

  /**
   * Ends a conflict.
   * @param {number} id @param {Field} field @param {boolean} keepsMine whether what was typed here
   * replaces the other value
   */
  resolve(id, field, keepsMine) {
    const draft = this.get(id, field)
    if (!draft?.conflict) return
    draft.conflict = false
    draft.base = draft.theirs
    if (keepsMine) return void this.save(id, field)
    this.#drop(id, field)
    this.#changed()
  }

  /** Changes that were to be saved, and are not. @returns {import('./unsaved.js').Unsaved[]} */
  unsaved() {
    return this.#each().flatMap(({ id, draft: { error, isRestored, conflict = false } }) =>
      error !== undefined || isRestored || conflict ? [{ id, isConflict: conflict }] : []
    )
  }

  /** @param {number} from @param {number} to the lead that it was merged into */
  move(from, to) {
    const fields = this.#all.get(from)
    this.#all.delete(from)
    if (fields) this.#all.set(to, { ...fields, ...this.#all.get(to) })
  }

  /** Deletes the drafts of a lead that no longer exists. @param {number} id */
  delete(id) {
    this.#all.delete(id)
    this.#changed()
  }

  /** Deletes all drafts: after signing out, no typed text stays in this browser. */
  clear() {
    this.#all.clear()
    this.#changed()
  }

  #each() {
    return [...this.#all].flatMap(([id, fields]) =>
      entriesOf(fields).map(([field, draft]) => ({ id, field, draft }))
    )
  }

  #changed() {
    const kept = [...this.#all].map(([id, fields]) => [
      id,
      Object.fromEntries(entriesOf(fields).map(([field, draft]) => [field, keptOf(draft)]))
    ])
    keepUnsaved(kept.length === 0 ? undefined : kept)
    this.#onChange()
  }

  /** @param {number} id @param {Field} field */
  #drop(id, field) {
    const fields = this.#all.get(id)
    if (fields) delete fields[field]
    if (fields && Object.keys(fields).length === 0) this.#all.delete(id)
  }

  /** @param {number} id @param {Draft} draft @param {unknown} error */
  #fail(id, draft, error) {
    draft.error = error
    // Nobody can act on an error about a lead that no longer exists.
    if (error instanceof ApiError && error.kind === 'not-found') this.#all.delete(id)
    else if (isPassing(error)) this.#retry.later()
  }

  #saveFailed() {
    for (const { id, field, draft } of this.#each()) {
      const { error, isRestored } = draft
      const isSignedOut = error instanceof ApiError && error.kind === 'unauthorized'
      if (isRestored || isPassing(error) || isSignedOut) void this.save(id, field)
    }
  }

  /**
   * Writes a draft to the hub. A 412 means that somebody changed this or another field between the
   * two requests: then it tries once more.
   * @param {number} id @param {Field} field @param {Draft} draft
   * @returns {Promise<Lead | undefined>} undefined: there is a conflict
   */
  async #put(id, field, draft) {
    for (let isSecond = false; ; isSecond = true) {
      const { lead, etag } = await api.leadVersion(id)
      if (lead.id !== id) {
        this.move(id, lead.id)
        id = lead.id
      }
      if (!rebase(draft, field, lead)) return undefined
      const { value } = draft
      try {
        const changed = await api.patchLead(id, { [field]: value }, etag)
        draft.base = saidOf(changed, field)
        if (same(draft.value, value)) this.#drop(id, field)
        return changed
      } catch (error) {
        const isOutdated = error instanceof ApiError && error.kind === 'precondition-failed'
        if (!isOutdated || isSecond) throw error
      }
    }
  }
}
