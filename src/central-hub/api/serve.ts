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
import { answeredBefore, keepAnswer } from '../store/write/idempotency.ts'
import type { Db } from '../store/database/schema.ts'
import { changeLeads } from '../store/database/transaction.ts'
import { createResponseCache, type TaggedAnswer } from './response-cache.ts'
import { etagOf, versionOf, waitVersionOf } from './version.ts'

/** What a handler is given, checked against the operation's schemas. */
export interface Input<Id extends OperationId> {
  params: Params<Id>
  query: Query<Id>
  body: Body<Id>
  req: Request
  res: Response
}

/**
 * Serves operations of the contract: their input is as it says, and every answer has what HTTP
 * offers for it.
 */
export interface Serve {
  /**
   * A JSON answer with its ETag; If-None-Match is answered with 304. `fields` keeps to some members
   * of the list.
   * @param more.ofStoreAlone the answer follows from the URL and the store: it may be kept until
   * that changes
   */
  read<Id extends OperationId>(
    id: Id,
    handler: (input: Input<Id>) => Promise<AnswerBody<Id>> | AnswerBody<Id>,
    more?: { ofStoreAlone?: boolean }
  ): void
  /** In one transaction, with Idempotency-Key; see {@link Write}. */
  write<Id extends OperationId>(
    id: Id,
    handler: (input: Input<Id> & { trx: Db }) => Promise<AnswerBody<Id>>,
    more?: Write<Id>
  ): void
  /** Checks the input and leaves the answer to the handler: streams, and what is passed on. */
  raw<Id extends OperationId>(id: Id, handler: (input: Input<Id>) => unknown): void
}

export interface Write<Id extends OperationId> {
  /** Runs before the transaction: what asks others must not hold the store. */
  before?: (input: Input<Id>) => Promise<void>
  /**
   * What is there now, as its GET answers it; held against If-Match: of a lead or a webhook only
   * what PATCH can change.
   */
  current?: (input: Input<Id> & { trx: Db }) => Promise<unknown>
  /**
   * Of a lead: If-Match also fails for what changed in its wait, such as a message that came in
   * between.
   */
  isWaitMatched?: boolean
  /** Where what was made is: the answer's Location. */
  locationOf?: (body: AnswerBody<Id>) => string
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

/** Of a page's list, only these members of each item. */
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

/** Reads what a request gives. @throws {ProblemError} naming every fault */
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

/** The request in short, so that a key that comes back with another one is noticed. */
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

export const createServe = ({ http, db }: { http: Http; db: Db }): Serve => {
  const changes = changesOf(db)
  const asked = singleflight<string>()
  const kept = createResponseCache(() => asked('', changes))
  const reading = <Id extends OperationId>(
    id: Id
  ): ((req: Request, res: Response) => Input<Id>) => {
    const read = reader(operations[id])
    return (req, res) => ({
      ...(read(req) as Pick<Input<Id>, 'params' | 'query' | 'body'>),
      req,
      res
    })
  }
  const add = (id: OperationId, handler: (req: Request, res: Response) => unknown): void => {
    const [method, path] = routes[id].split(' ') as [Method, string]
    http.route(method, path, handler)
  }
  return {
    raw: (id, handler) => {
      const input = reading(id)
      add(id, (req, res) => handler(input(req, res)))
    },
    read: (id, handler, { ofStoreAlone = false } = {}) => {
      const input = reading(id)
      const make = async (req: Request, res: Response): Promise<TaggedAnswer> => {
        const given = input(req, res)
        const body = await handler(given)
        const { fields } = given.query as { fields?: string[] }
        const json = toJson(fields ? keepFields(body as object, fields) : body)
        return { etag: etagOf(id, json), bytes: Buffer.from(json) }
      }
      const keep = ofStoreAlone ? kept : undefined
      add(id, async (req, res) =>
        sendTagged(
          req,
          res,
          await (keep?.(req.path + req.search, () => make(req, res)) ?? make(req, res))
        )
      )
    },
    write: (id, handler, { before, current, after, locationOf, isWaitMatched = false } = {}) => {
      const reads = reading(id)
      const matches = (header: string, body: unknown): boolean => {
        if (isWaitMatched) return namesBeginning(header, waitVersionOf(id, body as Lead))
        const version = versionOf(id, body)
        return version === undefined
          ? namesEtag(header, etagOf(id, toJson(body)))
          : namesVersion(header, version)
      }
      add(id, async (req, res) => {
        const input = reads(req, res)
        await before?.(input)
        const answer = await changeLeads(db, (trx) =>
          once(trx, req, res, async () => {
            const match = req.headers['if-match']
            if (
              current !== undefined &&
              match !== undefined &&
              !matches(match, await current({ ...input, trx }))
            )
              throw new ProblemError('precondition-failed')
            return {
              status: operations[id].answer.status,
              body: toJson(await handler({ ...input, trx }))
            }
          })
        )
        after?.()
        if (answer.body !== '') res.setHeader('etag', etagOf(id, answer.body))
        if (locationOf !== undefined)
          res.setHeader('location', locationOf(JSON.parse(answer.body) as never))
        res.setHeader('cache-control', 'no-store')
        send(res, answer)
      })
    }
  }
}
