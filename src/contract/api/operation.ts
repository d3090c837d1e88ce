import type { Static, TObject, TSchema } from 'typebox'
import type { ProblemType } from '../problem.ts'
import type { OperationId } from '../routes.ts'

/**
 * The input and output of an operation; what its caller needs is in ../access.ts. Requests are
 * checked against it. OpenAPI and the client's types are made from it.
 */
export interface Operation {
  tag: 'leads' | 'messages' | 'events' | 'alarms' | 'webhooks' | 'whatsapp' | 'team' | 'operation'
  summary: string
  description?: string
  /** Of the path. A parameter that is not named here is text. */
  params?: TObject
  /**
   * Arrays are given as one text separated by commas, or one by one. A parameter with a default may
   * be left out.
   */
  query?: TObject
  body?: JsonBody | RawBody
  answer: Answer
  /** Besides those that every route may answer with. */
  problems?: readonly ProblemType[]
}

export interface JsonBody {
  schema: TSchema
  example: unknown
}

/** A body that is streamed: by content type, an example. */
interface RawBody {
  types: Readonly<Record<string, string>>
}

export interface Answer {
  status: number
  description: string
  /** Of a JSON answer. */
  schema?: TSchema
  example?: unknown
  /** Content types of any other answer; besides a schema, those that Accept may ask for. */
  types?: readonly string[]
  /** Other statuses with an answer of the same form, and what they mean. */
  also?: Readonly<Record<number, string>>
}

type Of<Operations, Id extends OperationId> = Id extends keyof Operations ? Operations[Id] : never
export type ParamsOf<Operations, Id extends OperationId> =
  Of<Operations, Id> extends { params: infer S extends TObject }
    ? Static<S>
    : Record<string, string>
export type QueryOf<Operations, Id extends OperationId> =
  Of<Operations, Id> extends { query: infer S extends TObject } ? Static<S> : Record<never, never>
export type BodyOf<Operations, Id extends OperationId> =
  Of<Operations, Id> extends { body: { schema: infer S extends TSchema } } ? Static<S> : undefined
export type AnswerOf<Operations, Id extends OperationId> =
  Of<Operations, Id> extends { answer: { schema: infer S extends TSchema } } ? Static<S> : undefined
