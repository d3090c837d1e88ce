import { createHash } from 'node:crypto'
import Type from 'typebox'
import type { JsonBody, Operation } from '../../contract/api/operation.ts'
import {
  operations,
  type AnswerBody,
  type Body,
  type Params,
  type Query
} from '../../contract/api/operations.ts'
import type { Lead } from '../../contract/lead.ts'
import { routes, type OperationId } from '../../contract/routes.ts'
import { endWith } from '../../platform/http/answer.ts'
import { namesBeginning, namesEtag, namesVersion } from '../../platform/http/etag.ts'
import { faultsAgainst, parametersAs } from '../../platform/http/expected.ts'
import { requireJson } from '../../platform/http/body.ts'
import type { Http, Method, Request, Response } from '../../platform/http/http.ts'
import { faultsIn, invalid, ProblemError } from '../../platform/http/problem.ts'
import { singleflight } from '../../platform/async.ts'
import { changesOf } from '../store/database/changes.ts'
import type { Actor } from '../store/team/actor.ts'
import { answeredBefore, keepAnswer } from '../store/write/idempotency.ts'
import type { Db } from '../store/database/schema.ts'
import { changeLeads } from '../store/database/transaction.ts'
import { actorOf } from './actor.ts'
import { recordAudit } from './record-audit.ts'
import { ResponseCache, type TaggedAnswer } from './response-cache.ts'
import { etagOf, versionOf, waitVersionOf } from './version.ts'

/** The input of a handler, checked against the operation's schemas. */
export interface Input<Id extends OperationId> {
  params: Params<Id>
  query: Query<Id>
  body: Body<Id>
  req: Request
  res: Response
}

export interface Write<Id extends OperationId> {
  /** Runs before the transaction: requests to other services must not block the store. */
  before?: (input: Input<Id>) => Promise<void>
  /**
   * The current state, as its GET answers it. If-Match is compared with it; for a lead or a webhook
   * only with what PATCH can change.
   */
  current?: (input: Input<Id> & { trx: Db }) => Promise<unknown>
  /** For a lead: If-Match also fails if its wait changed, such as by a message in between. */
  isWaitMatched?: boolean
  /** The path of what was created: the answer's Location. */
  locationOf?: (body: AnswerBody<Id>) => string
  /** Runs after the commit. */
  after?: () => void
}

/** A write of which nothing is kept for a repetition. */
interface Command<Id extends OperationId, Prepared> {
  /** Runs before the transaction: what takes long, such as hashing. */
  prepare?: (input: Input<Id> & { actor: Actor }) => Promise<Prepared>
  run: (input: Input<Id> & { actor: Actor; trx: Db; prepared: Prepared }) => Promise<AnswerBody<Id>>
  /** Runs after the commit. */
  after?: () => void
}

/** An answer before it is sent. */
interface Answer {
  status: number
  body: string
}

const send = (res: Response, { status, body }: Answer): void => {
  if (body === '') return void res.writeHead(status).end()
  const bytes = Buffer.from(body)
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length
  })
  endWith(res, bytes)
}

const sendTagged = (req: Request, res: Response, { etag, bytes }: TaggedAnswer): void => {
  const headers = { etag, 'cache-control': 'private, no-cache' }
  if (namesEtag(req.headers['if-none-match'] ?? '', etag))
    return void res.writeHead(304, headers).end()
  res.writeHead(200, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length
  })
  endWith(res, bytes)
}

const toJson = (body: unknown): string => (body === undefined ? '' : JSON.stringify(body))

/** Keeps only these members of each item of the page's list. */
const keepFields = (page: object, fields: readonly string[]): object =>
  Object.fromEntries(
    Object.entries(page).map(([name, value]: [string, unknown]) => [
      name,
      Array.isArray(value)
        ? value.map((item: Record<string, unknown>) =>
            Object.fromEntries(fields.map((field) => [field, item[field]]))
          )
        : value
    ])
  )

/** Reads the input of a request. @throws {ProblemError} that names every error */
const reader = (
  operation: Operation
): ((req: Request) => Pick<Input<OperationId>, 'params' | 'query' | 'body'>) => {
  const params = operation.params === undefined ? undefined : parametersAs(operation.params)
  const query = parametersAs(operation.query ?? Type.Object({}))
  const schema = (operation.body as Partial<JsonBody> | undefined)?.schema
  const body = schema === undefined ? undefined : faultsAgainst(schema)
  return (req) => {
    if (body !== undefined) requireJson(req)
    const ofPath = params?.(Object.entries(req.params)) ?? { values: req.params, faults: [] }
    const ofQuery = query(new URLSearchParams(req.search))
    const faults = [
      ...faultsIn('path', ofPath.faults),
      ...faultsIn('query', ofQuery.faults),
      ...faultsIn('body', body?.(req.body) ?? [])
    ]
    if (faults.length > 0) throw invalid(...faults)
    return {
      params: ofPath.values as never,
      query: ofQuery.values as never,
      body: (body === undefined ? undefined : req.body) as never
    }
  }
}

/** A digest of the request: it shows when a key is used again with another request. */
const fingerprint = (req: Request): string =>
  createHash('sha256')
    .update(JSON.stringify([req.method, req.path, req.search, req.body ?? null]))
    .digest('base64url')

const idempotencyKey = (req: Request): string | undefined => {
  const key = req.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw invalid({
      in: 'header',
      field: 'Idempotency-Key',
      message: 'expected 1 to 255 visible ASCII characters'
    })
  return key
}

/**
 * Idempotency-Key as https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * has it.
 */
const once = async (
  trx: Db,
  req: Request,
  res: Response,
  run: () => Promise<Answer>
): Promise<Answer> => {
  const key = idempotencyKey(req)
  if (key === undefined) return run()
  const print = fingerprint(req)
  const before = await answeredBefore(trx, key)
  if (before !== undefined) {
    if (before.fingerprint !== print)
      throw new ProblemError('idempotency-key-reused', `${key} came with another request before`)
    res.setHeader('idempotency-replayed', 'true')
    return before
  }
  const answer = await run()
  await keepAnswer(trx, key, { ...answer, fingerprint: print })
  return answer
}

/** Checks a request against the operation, and hands on what it gives. */
const reading = <Id extends OperationId>(id: Id): ((req: Request, res: Response) => Input<Id>) => {
  const read = reader(operations[id])
  return (req, res) => ({
    ...(read(req) as Pick<Input<Id>, 'params' | 'query' | 'body'>),
    req,
    res
  })
}

/** Whether If-Match names what is there now. */
const matches = (
  id: OperationId,
  header: string,
  body: unknown,
  isWaitMatched: boolean
): boolean => {
  if (isWaitMatched) return namesBeginning(header, waitVersionOf(id, body as Lead))
  const version = versionOf(id, body)
  return version === undefined
    ? namesEtag(header, etagOf(id, toJson(body)))
    : namesVersion(header, version)
}

/** Who changes something is known to every handler that does. */
type WriteInput<Id extends OperationId> = Input<Id> & { trx: Db; actor: Actor }
type WriteHandler<Id extends OperationId> = (input: WriteInput<Id>) => Promise<AnswerBody<Id>>

/** @throws {ProblemError} precondition-failed */
const checkIfMatch = async <Id extends OperationId>(
  id: Id,
  input: WriteInput<Id>,
  { current, isWaitMatched = false }: Write<Id>
): Promise<void> => {
  const header = input.req.headers['if-match']
  if (current === undefined || header === undefined) return
  if (!matches(id, header, await current(input), isWaitMatched))
    throw new ProblemError('precondition-failed')
}

/** The answer of one write, in one transaction. */
const runWrite = <Id extends OperationId>(
  db: Db,
  id: Id,
  input: Input<Id>,
  handler: WriteHandler<Id>,
  options: Write<Id>
): Promise<Answer> =>
  changeLeads(db, (trx) =>
    once(trx, input.req, input.res, async () => {
      const all = { ...input, trx, actor: actorOf(input.req) }
      await checkIfMatch(id, all, options)
      const answer = await handler(all)
      await recordAudit(trx, id, { ...input, answer })
      return { status: operations[id].answer.status, body: toJson(answer) }
    })
  )

/**
 * Serves operations of the contract: input is checked against its schemas, and every answer has
 * the HTTP headers that the operation offers.
 */
export class Serve {
  readonly #http: Http
  readonly #db: Db
  readonly #cache: ResponseCache

  constructor(http: Http, db: Db) {
    this.#http = http
    this.#db = db
    const changes = changesOf(db)
    const shared = singleflight<string>()
    this.#cache = new ResponseCache(() => shared('', changes))
  }

  /** Checks the input and leaves the answer to the handler: streams, and forwarded answers. */
  raw<Id extends OperationId>(id: Id, handler: (input: Input<Id>) => unknown): void {
    const read = reading(id)
    this.#add(id, (req, res) => handler(read(req, res)))
  }

  /**
   * Serves a JSON answer with its ETag; If-None-Match is answered with 304. `fields` selects
   * members of the list's items.
   * @param more.ofStoreAlone the answer follows from the URL and the store: it may be cached until
   * the store changes
   */
  read<Id extends OperationId>(
    id: Id,
    handler: (input: Input<Id>) => Promise<AnswerBody<Id>> | AnswerBody<Id>,
    { ofStoreAlone = false }: { ofStoreAlone?: boolean } = {}
  ): void {
    const read = reading(id)
    const make = async (req: Request, res: Response): Promise<TaggedAnswer> => {
      const input = read(req, res)
      const body = await handler(input)
      const { fields } = input.query as { fields?: string[] }
      const json = toJson(fields ? keepFields(body as object, fields) : body)
      return { etag: etagOf(id, json), bytes: Buffer.from(json) }
    }
    this.#add(id, async (req, res) => {
      const answer = ofStoreAlone
        ? await this.#cache.get(req.path + req.search, () => make(req, res))
        : await make(req, res)
      sendTagged(req, res, answer)
    })
  }

  /** Serves a write in one transaction, with Idempotency-Key; see {@link Write}. */
  write<Id extends OperationId>(id: Id, handler: WriteHandler<Id>, options: Write<Id> = {}): void {
    const { before, after, locationOf } = options
    const read = reading(id)
    this.#add(id, async (req, res) => {
      const input = read(req, res)
      await before?.(input)
      const answer = await runWrite(this.#db, id, input, handler, options)
      after?.()
      if (answer.body !== '') res.setHeader('etag', etagOf(id, answer.body))
      if (locationOf !== undefined)
        res.setHeader('location', locationOf(JSON.parse(answer.body) as never))
      res.setHeader('cache-control', 'no-store')
      send(res, answer)
    })
  }

  /**
   * Serves a write in one transaction whose request or answer holds a secret, or that ends what a
   * secret is good for. The answer is not kept, so it takes no Idempotency-Key.
   */
  command<Id extends OperationId, Prepared = undefined>(
    id: Id,
    { prepare, run, after }: Command<Id, Prepared>
  ): void {
    const read = reading(id)
    const { status } = operations[id].answer
    this.#add(id, async (req, res) => {
      const input = { ...read(req, res), actor: actorOf(req) }
      const prepared = (await prepare?.(input)) as Prepared
      const body = await changeLeads(this.#db, async (trx) => {
        const answer = await run({ ...input, trx, prepared })
        await recordAudit(trx, id, { ...input, answer })
        return answer
      })
      after?.()
      res.setHeader('cache-control', 'no-store')
      send(res, { status, body: toJson(body) })
    })
  }

  #add(id: OperationId, handler: (req: Request, res: Response) => unknown): void {
    const [method, path] = routes[id].split(' ') as [Method, string]
    this.#http.route(method, path, handler)
  }
}

export const createServe = ({ http, db }: { http: Http; db: Db }): Serve => new Serve(http, db)
