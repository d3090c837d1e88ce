import type { operations, AnswerBody, Body, Params, Query } from '../contract/api/operations.ts'
import type { OperationId, routes } from '../contract/routes.ts'

/** Types of the client's functions, made from the contract. */

/** The operations with a function each. Live events have one of their own. */
export type CallId = Exclude<OperationId, 'streamEvents'>

/** `:id` and the like in a path. */
type Names<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never
type PathInput<Id extends CallId> = {
  [Name in Names<(typeof routes)[Id]>]: Params<Id> extends Record<Name, infer Value>
    ? Value
    : string
}

type Fields<Id extends CallId> = NonNullable<
  'fields' extends keyof Query<Id> ? Query<Id>['fields'] : never
>
/** A member of the items of a list, for `fields`. */
type Field<Id extends CallId> = Fields<Id> extends readonly (infer F)[] ? F : never
// Every parameter has a default or is optional: a test checks the contract for it.
type QueryInput<Id extends CallId> = {
  [Name in keyof Omit<Query<Id>, 'fields'>]?: Query<Id>[Name] | undefined
}

type RawBodyOf<Id extends CallId> = (typeof operations)[Id] extends { body: { types: infer Types } }
  ? keyof Types
  : never
type BodyInput<Id extends CallId> = [RawBodyOf<Id>] extends [never]
  ? Body<Id> extends undefined
    ? unknown
    : { body: Body<Id> }
  : { body: string | Blob | Uint8Array<ArrayBuffer>; contentType: RawBodyOf<Id> }

/** The input of an operation: the parameters of its path and query by name, and `body`. */
export type Input<Id extends CallId> = PathInput<Id> & QueryInput<Id> & BodyInput<Id>

type HasTypes<Id extends CallId> = (typeof operations)[Id]['answer'] extends { schema: unknown }
  ? false
  : (typeof operations)[Id]['answer'] extends { types: readonly string[] }
    ? true
    : false
/** The operations whose answer is not JSON. */
export type RawId = { [Id in CallId]: HasTypes<Id> extends true ? Id : never }[CallId]

/** The output of an operation: its JSON, a `Response` (a file, a picture, lines), or nothing. */
export type Output<Id extends CallId> = Id extends RawId
  ? Response
  : AnswerBody<Id> extends undefined
    ? undefined
    : AnswerBody<Id>

/** A page whose items have only some members. */
type Kept<Page, F> = {
  [Name in keyof Page]: Page[Name] extends readonly (infer Item)[]
    ? Pick<Item, F & keyof Item>[]
    : Page[Name]
}

export interface CallOptions {
  /** Ends the request; the call rejects with the signal's reason. */
  signal?: AbortSignal
  /**
   * The same key with the same request takes effect once, however often it is sent. Use a new key
   * for each action of a person.
   */
  idempotencyKey?: string
  /**
   * What you read before, or its ETag: if it was changed since, the call rejects with
   * `precondition-failed`.
   */
  ifMatch?: object | string
  /** X-Request-Id, to find the request in the log of the hub; by default a random one. */
  requestId?: string
}

type Argument<I> =
  Record<never, never> extends I
    ? [input?: I, options?: CallOptions]
    : [input: I, options?: CallOptions]
type Call<Id extends CallId> = [Fields<Id>] extends [never]
  ? (...args: Argument<Input<Id>>) => Promise<Output<Id>>
  : <F extends Field<Id> = Field<Id>>(
      ...args: Argument<Input<Id> & { fields?: readonly F[] | undefined }>
    ) => Promise<Kept<Output<Id>, F>>

/**
 * A function for each operation, by its id in the OpenAPI document. Each rejects with a
 * `LeadMasterError`.
 */
export type Calls = { readonly [Id in CallId]: Call<Id> }
