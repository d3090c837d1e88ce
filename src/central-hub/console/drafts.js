import { api } from './api.js'
import { givenName } from './lead.js'
import { ApiError } from './request.js'
import { Retry } from './retry.js'
import { keepUnsaved, readUnsaved } from './unsaved.js'

/**
 * What a person changed of leads and the hub does not have yet. A draft belongs to one field of one
 * lead and stays until the hub has it: no event, no other lead, no lost connection, no reload of
 * the page takes it away. What someone else changed meanwhile is never written over unasked.
 */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {'state' | 'note' | 'tags' | 'assignee' | 'name'} Field */
/**
 * @typedef {{ value: any, base: any, theirs?: any, conflict?: boolean, fault?: unknown, saving?:
 * boolean, again?: boolean, isLeft?: boolean }} Draft `base`: what the hub had when the change
 * began; `theirs`: what it has by now, in a conflict; `again`: asked to be saved while it was being
 * saved; `isLeft`: typed before the page was loaded again
 */

/** @param {unknown} a @param {unknown} b */
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

/** What a person said of a lead. @param {Lead} lead @param {Field} field */
export const saidOf = (lead, field) => (field === 'name' ? givenName(lead) : lead[field])

/**
 * Adding and taking off tags goes together with what others did to them. @param {string[]} base
 * @param {string[]} mine @param {string[]} theirs
 */
const mergeTags = (base, mine, theirs) =>
  [
    ...new Set([
      ...theirs.filter((tag) => mine.includes(tag) || !base.includes(tag)),
      ...mine.filter((tag) => !base.includes(tag))
    ])
  ].sort()

/** Whether the same request may succeed later. @param {unknown} fault */
export const isPassing = (fault) =>
  fault instanceof ApiError &&
  (['no-answer', 'too-many-requests'].includes(fault.kind) || fault.problem.status >= 500)

/**
 * What was typed before the page was loaded again. @returns {[number, Partial<Record<Field,
 * Draft>>][]}
 */
const leftDrafts = () => {
  const left =
    /** @type {[number, Partial<Record<Field, Draft>>][] | undefined} */ (readUnsaved()) ?? []
  for (const [, fields] of left) for (const draft of Object.values(fields)) draft.isLeft = true
  return left
}

/** What is kept over a reload. @param {Draft} draft */
const keptOf = ({ value, base, theirs, conflict }) =>
  conflict ? { value, base, theirs, conflict } : { value, base }

/**
 * @param {{ onSaved: (lead: Lead) => void, onChange: () => void }} options `onChange`: a draft
 * stands differently
 */
export const createDrafts = ({ onSaved, onChange: onChanged }) => {
  const all = new Map(leftDrafts())
  const onChange = () => {
    const kept = [...all].map(([id, fields]) => [
      id,
      Object.fromEntries(Object.entries(fields).map(([field, draft]) => [field, keptOf(draft)]))
    ])
    keepUnsaved(kept.length === 0 ? undefined : kept)
    onChanged()
  }
  /** @param {number} id @param {Field} field */
  const get = (id, field) => all.get(id)?.[field]
  /** @param {number} id @param {Field} field */
  const drop = (id, field) => {
    const fields = all.get(id)
    if (fields) delete fields[field]
    if (fields && Object.keys(fields).length === 0) all.delete(id)
  }
  /** @param {number} from @param {number} to the lead that it was merged into */
  const move = (from, to) => {
    const fields = all.get(from)
    all.delete(from)
    if (fields) all.set(to, { ...fields, ...all.get(to) })
  }

  /**
   * A 412 says that somebody changed this or another field between the two requests: it is looked
   * at once more.
   * @param {number} id @param {Field} field @param {Draft} draft @returns {Promise<Lead |
   * undefined>} undefined: there is a conflict
   */
  const put = async (id, field, draft) => {
    for (let isSecond = false; ; isSecond = true) {
      const { lead, etag } = await api.leadVersion(id)
      if (lead.id !== id) {
        move(id, lead.id)
        id = lead.id
      }
      const theirs = saidOf(lead, field)
      if (!same(theirs, draft.base)) {
        if (field === 'tags') draft.value = mergeTags(draft.base, draft.value, lead.tags)
        else if (!same(theirs, draft.value)) {
          Object.assign(draft, { theirs, conflict: true })
          return undefined
        }
        draft.base = theirs
      }
      const value = draft.value
      try {
        const changed = await api.patchLead(id, { [field]: value }, etag)
        draft.base = saidOf(changed, field)
        if (same(draft.value, value)) drop(id, field)
        return changed
      } catch (error) {
        if (!(error instanceof ApiError && error.kind === 'precondition-failed') || isSecond)
          throw error
      }
    }
  }

  /** The latest save of each lead. @type {Map<number, Promise<unknown>>} */
  const turns = new Map()
  /**
   * Saves of one lead go one after the other: each changes what the If-Match of the next goes by.
   * @param {number} id @param {() => Promise<Lead | undefined>} run
   */
  const inTurn = (id, run) => {
    const turn = (turns.get(id) ?? Promise.resolve()).then(run, run)
    turns.set(id, turn)
    const leave = () => turns.get(id) === turn && turns.delete(id)
    turn.then(leave, leave)
    return turn
  }

  /**
   * Sends a draft to the hub, unless it is on its way or in a conflict. @param {number} id @param
   * {Field} field
   */
  const save = async (id, field) => {
    const draft = get(id, field)
    if (!draft || draft.conflict) return
    draft.again = draft.saving === true
    if (draft.saving) return
    draft.saving = true
    delete draft.fault
    delete draft.isLeft
    onChange()
    try {
      const changed = await inTurn(id, () => put(id, field, draft))
      if (changed) onSaved(changed)
    } catch (fault) {
      draft.fault = fault
      // Nobody can be told what to do about a lead that is there no more.
      if (fault instanceof ApiError && fault.kind === 'not-found') all.delete(id)
      else if (isPassing(fault)) retry.later()
    }
    draft.saving = false
    if (!each().some(({ draft: { fault } }) => isPassing(fault))) retry.settled()
    onChange()
    if (draft.again && draft.fault === undefined) void save(id, field)
  }

  const each = () =>
    [...all].flatMap(([id, fields]) =>
      /** @type {[Field, Draft][]} */ (Object.entries(fields)).map(([field, draft]) => ({
        id,
        field,
        draft
      }))
    )
  const retryFailed = () => {
    for (const {
      id,
      field,
      draft: { fault, isLeft }
    } of each()) {
      if (
        isLeft ||
        isPassing(fault) ||
        (fault instanceof ApiError && fault.kind === 'unauthorized')
      )
        void save(id, field)
    }
  }
  const retry = new Retry(retryFailed)
  addEventListener('beforeunload', (event) => {
    if (all.size > 0) event.preventDefault()
  })

  return {
    get,
    save,
    move,
    /**
     * @param {number} id @param {Field} field @param {any} value @param {any} base what the hub
     * has, should there be no draft yet
     */
    set: (id, field, value, base) => {
      const draft = get(id, field) ?? { value, base }
      draft.value = value
      all.set(id, { ...all.get(id), [field]: draft })
      if (same(draft.value, draft.base) && !draft.saving && !draft.conflict) drop(id, field)
      onChange()
    },
    /**
     * The lead as an event tells of it: perhaps someone else changed what is being typed. @param
     * {Lead} lead
     */
    told: (lead) => {
      for (const [field, draft] of /** @type {[Field, Draft][]} */ (
        Object.entries(all.get(lead.id) ?? {})
      )) {
        const theirs = saidOf(lead, field)
        if (field === 'tags' || draft.saving || same(theirs, draft.base)) continue
        if (same(theirs, draft.value)) drop(lead.id, field)
        else Object.assign(draft, { theirs, conflict: true })
      }
    },
    /**
     * Ends a conflict. @param {number} id @param {Field} field @param {boolean} mine whether what
     * was typed here is to stand
     */
    settle: (id, field, mine) => {
      const draft = get(id, field)
      if (!draft?.conflict) return
      draft.conflict = false
      draft.base = draft.theirs
      if (mine) return void save(id, field)
      drop(id, field)
      onChange()
    },
    /** Tries again what failed because the hub could not be reached or had signed us out. */
    retryFailed: () => retry.now(),
    /** Changes that were to be saved and are not. @returns {import('./unsaved.js').Unsaved[]} */
    unsaved: () =>
      each().flatMap(({ id, draft: { fault, isLeft, conflict = false } }) =>
        fault !== undefined || isLeft || conflict ? [{ id, isConflict: conflict }] : []
      ),
    /**
     * Saves all there is, or what there is of one lead, as before leaving it. @param {number} [of]
     */
    flush: (of) =>
      Promise.all(
        each().flatMap(({ id, field }) => (of === undefined || of === id ? [save(id, field)] : []))
      ),
    /** Gives up what was typed of a lead that is there no more. @param {number} id */
    forget: (id) => {
      all.delete(id)
      onChange()
    },
    /** Somebody signs out: nothing that was typed stays in this browser. */
    forgetAll: () => {
      all.clear()
      onChange()
    }
  }
}
