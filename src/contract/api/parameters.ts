import Type, { type TSchema, type TUnsafe } from 'typebox'

/** Parameters that several operations take. `expected` is what an error says was expected. */

export const limit = Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'how many at most' })
export const cursor = Type.Optional(Type.String({ maxLength: 500, description: '`next_cursor` of the page before' }))
export const account = Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'only of this account' }))
export const search = Type.Optional(Type.String({ maxLength: 200, description: 'words that all occur, the last one perhaps not to its end; case and accents do not count' }))

export const bom = Type.Optional(Type.Boolean({ description: 'true: begin with a byte order mark, without which Excel takes it for another encoding than UTF-8' }))

/** Which members of each item to give, so that a long list is light. */
export const fields = <S extends { properties: Record<string, TSchema> }>(item: S) =>
  Type.Optional(
    // by the type of a union of names that are only known here, it would take none
    Type.Array(Type.Union(Object.keys(item.properties).map((name) => Type.Literal(name))) as unknown as TUnsafe<keyof S['properties'] & string>, {
      minItems: 1, maxItems: 100, description: 'only these members of each item'
    })
  )

export const id = Type.Integer({ minimum: 1, maximum: 999_999_999_999_999 })
