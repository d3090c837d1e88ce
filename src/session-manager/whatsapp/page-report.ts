import type {
  MessageFields,
  PageCheck,
  PageFindings,
  PageModule
} from '../../contract/page-report.ts'
import type { Page } from './browser.ts'
import { pageContract } from './page-contract.ts'
import { lookAt, verdicts, type PageLook } from './page-look.ts'
import { fieldNames, moduleNames, typeNames } from './page-names.ts'

/**
 * Reads names and types out of the page, and nothing else. It calls `serialize` of each message
 * that it looks at, as whatsapp-web.js does, and no other function of the page. The functions given
 * to `evaluate` run in the page.
 */

type RawModules = Record<string, Record<string, string> | 'missing' | 'failing'>

/** Runs in the page. @returns for each module the names it exports and their types */
const modulesInPage = (
  names: readonly string[]
): { modules: RawModules; chromium: number | null } => {
  const scope = globalThis as unknown as {
    require: (name: string) => unknown
    navigator?: { userAgent?: string }
  }
  const kindOf = (holder: object, key: string): string => {
    try {
      const value = (holder as Record<string, unknown>)[key]
      return value === null ? 'null' : typeof value
    } catch {
      return 'throws'
    }
  }
  const exportsOf = (exported: object): Record<string, string> => {
    const kinds: Record<string, string> = {}
    for (const key of Object.keys(exported).slice(0, 500)) kinds[key] = kindOf(exported, key)
    return kinds
  }
  const modules: RawModules = {}
  for (const name of names) {
    try {
      const exported = scope.require(name)
      const isThere = exported !== undefined && exported !== null
      modules[name] = isThere ? exportsOf(Object(exported) as object) : 'missing'
    } catch (error) {
      modules[name] = /unknown module/i.test(String(error)) ? 'missing' : 'failing'
    }
  }
  const [, major] = /Chrom(?:e|ium)\/(\d{1,4})\b/.exec(scope.navigator?.userAgent ?? '') ?? []
  return { modules, chromium: major === undefined ? null : Number(major) }
}

/** The kind of a value and of what is in it, without the value. */
interface Shape {
  kind: string
  /** An object that is not an instance of a class: its keys may be data. */
  isPlain?: boolean
  inner?: [key: string, shape: Shape][]
}
interface ModelShape {
  type: string
  /** Fields that the model's class declares. */
  declared: string[]
  shape: Shape
}

interface ShapeLimits {
  /** The newest messages that are gone through, and how many of each type are looked at. */
  messages: number
  perType: number
  /** Levels below a message; a list is a level. */
  depth: number
  /** Of a list or an object inside a message. */
  items: number
  /** Of one message, in all. */
  shapes: number
}

/** Runs in the page. @returns the shapes of the newest messages, some of each type */
export const shapesInPage = (limits: ShapeLimits): ModelShape[] => {
  type Model = Record<string, unknown> & { serialize?: () => object }
  type Collections = { Msg: { getModelsArray: () => Model[] } }
  const scope = globalThis as unknown as { require: (name: string) => Collections }
  const kindOf = (value: unknown): string => {
    if (value === null) return 'null'
    if (Array.isArray(value)) return 'array'
    return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? 'bytes' : typeof value
  }
  /** A model may lead to its collection, and that to all messages: the number of shapes is bounded. */
  let left = 0
  const shapeOf = (value: unknown, depth: number): Shape => {
    const kind = kindOf(value)
    left -= 1
    if (depth === 0 || left <= 0 || (kind !== 'object' && kind !== 'array')) return { kind }
    const holder = value as Record<string, unknown>
    const proto: unknown = Object.getPrototypeOf(holder)
    const isPlain = proto === Object.prototype || proto === null
    // A model lists all the fields that there can be, most of them undefined.
    const keys = Object.keys(holder).slice(0, depth === limits.depth ? 2_000 : limits.items)
    const inner = keys.map((key): [string, Shape] => {
      try {
        return [key, shapeOf(holder[key], depth - 1)]
      } catch {
        return [key, { kind: 'throws' }]
      }
    })
    return { kind, isPlain, inner: inner.filter(([, shape]) => shape.kind !== 'undefined') }
  }
  /** WhatsApp Web's models list their fields in `__props`, and have an accessor for each. */
  const declaredBy = (model: Model): string[] => {
    if (Array.isArray(model['__props'])) return model['__props'].map(String)
    const names: string[] = []
    let proto = Object.getPrototypeOf(model) as object | null
    while (proto !== null && proto !== Object.prototype) {
      const descriptors = Object.entries(Object.getOwnPropertyDescriptors(proto))
      for (const [name, { get }] of descriptors) if (get !== undefined) names.push(name)
      proto = Object.getPrototypeOf(proto) as object | null
    }
    return names
  }
  const lookAtModel = (model: Model): Shape => {
    left = limits.shapes
    try {
      const facts = typeof model.serialize === 'function' ? model.serialize() : { ...model }
      return shapeOf(facts, limits.depth)
    } catch {
      return { kind: 'throws' }
    }
  }
  const newestFirst = (a: Model, b: Model): number => (Number(b['t']) || 0) - (Number(a['t']) || 0)
  const seen: Record<string, number> = {}
  const isWanted = (type: string): boolean => (seen[type] = (seen[type] ?? 0) + 1) <= limits.perType
  return [...scope.require('WAWebCollections').Msg.getModelsArray()]
    .sort(newestFirst)
    .slice(0, limits.messages)
    .map((model) => ({ model, type: String(model['type']) }))
    .filter(({ type }) => isWanted(type))
    .map(({ model, type }) => ({ type, declared: declaredBy(model), shape: lookAtModel(model) }))
}

const knownFields: ReadonlySet<string> = new Set(fieldNames)
const knownTypes: ReadonlySet<string> = new Set(typeNames)
const hidden = '<key>'
const identifier = /^[A-Za-z_]{1,60}$/
const typeOf = (kind: string): string => (/^[a-z]{1,12}$/.test(kind) ? kind : 'unknown')

/** A field of the message itself: known, or declared by the page's own class. */
const fieldName = (key: string, declared: ReadonlySet<string>): string => {
  const isNew = declared.has(key) && identifier.test(key)
  return isNew || knownFields.has(key) ? key : hidden
}

/** A field further inside. A private field of a class is `$1`, `$2`, … in Meta's builds. */
const innerName = (key: string, isPlain: boolean): string => {
  const isPrivate = !isPlain && /^\$\d{1,2}$/.test(key)
  return isPrivate || knownFields.has(key) ? key : hidden
}

/** By name, so that two reports can be compared as text. */
const sorted = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))

type Kinds = Map<string, Set<string>>

const addKind = (kinds: Kinds, path: string, kind: string): void => {
  const before = kinds.get(path) ?? new Set()
  kinds.set(path, before.add(typeOf(kind)))
}

const addShape = (kinds: Kinds, path: string, shape: Shape): void => {
  const { kind, isPlain = true, inner = [] } = shape
  addKind(kinds, path, kind)
  for (const [key, below] of inner) {
    const next = kind === 'array' ? `${path}[]` : `${path}.${innerName(key, isPlain)}`
    addShape(kinds, next, below)
  }
}

const joined = ([path, found]: [string, Set<string>]): [string, string] => [
  path,
  [...found].sort().join('|')
]

/** The fields of messages by type. A name that may be part of somebody's message is replaced. */
export const namesOf = (models: readonly ModelShape[]): Record<string, MessageFields> => {
  const byType = new Map<string, Kinds>()
  for (const { type, declared, shape } of models) {
    const label = knownTypes.has(type) ? type : '<type>'
    const kinds: Kinds = byType.get(label) ?? new Map()
    byType.set(label, kinds)
    const own = new Set(declared)
    if (shape.kind !== 'object') addKind(kinds, '<unreadable>', shape.kind)
    for (const [key, inner] of shape.inner ?? []) addShape(kinds, fieldName(key, own), inner)
  }
  return sorted([...byType].map(([type, kinds]) => [type, sorted([...kinds].map(joined))]))
}

const shapeLimits: ShapeLimits = {
  messages: 5_000,
  perType: 5,
  depth: 3,
  items: 100,
  shapes: 5_000
}

/** For each part of the product, the names that it needs and that the page lacks. */
const checkContract = (look: PageLook): PageCheck[] => {
  const parts = [...new Set(pageContract.map(({ part }) => part))]
  return parts.map((name) => {
    const names = look.missing.filter(({ part }) => part === name).map((each) => each.name)
    const missing = [...new Set(names)].sort()
    return { name, verdict: missing.length === 0 ? 'ok' : 'failed', missing }
  })
}

/** Exported names come from the page's code. Those with a long number in them are hidden too. */
const exportName = (key: string): string =>
  /^[A-Za-z_$][\w$]{0,79}$/.test(key) && !/\d{3}/.test(key) ? key : hidden
const toModule = (found: RawModules[string] | undefined): PageModule => {
  if (typeof found !== 'object') return found ?? 'missing'
  return sorted(Object.entries(found).map(([key, kind]) => [exportName(key), typeOf(kind)]))
}

/** The verdicts of the checks. Their details are not reported: they may hold private data. */
const checkBehaviour = (look: PageLook): PageCheck[] =>
  Object.entries(verdicts(look)).map(([name, found]) => {
    return { name, verdict: found === 'ok' ? 'ok' : 'failed', missing: [] }
  })

/** A page that shows no message cannot be judged by its messages. */
const checkMessages = (models: readonly ModelShape[] | undefined): PageCheck => {
  if (models === undefined) return { name: 'messages', verdict: 'failed', missing: [] }
  const isReadable = models.every(({ shape }) => shape.kind === 'object')
  if (models.length === 0) return { name: 'messages', verdict: 'unknown', missing: [] }
  return { name: 'messages', verdict: isReadable ? 'ok' : 'failed', missing: [] }
}

const revision = /^\d{1,3}\.\d{1,5}\.\d{1,10}$/

/** @throws when WhatsApp Web is not shown, or is still being loaded */
export const reportOn = async (page: Page): Promise<PageFindings> => {
  const look = await lookAt(page)
  if (look === undefined) throw new Error('WhatsApp Web is not loaded')
  const names = [...new Set([...moduleNames, ...pageContract.map(({ module }) => module)])].sort()
  const { modules, chromium } = await page.evaluate(modulesInPage, names)
  // A page without its collections is reported on, too.
  const models = await page.evaluate(shapesInPage, shapeLimits).catch(() => undefined)
  return {
    whatsapp_web: revision.test(look.version ?? '') ? look.version : null,
    chromium,
    checks: [...checkContract(look), ...checkBehaviour(look), checkMessages(models)],
    modules: Object.fromEntries(names.map((name) => [name, toModule(modules[name])])),
    messages: namesOf(models ?? [])
  }
}
