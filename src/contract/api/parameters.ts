import Type, { type TSchema, type TUnsafe } from 'typebox'

/** Parameters that several operations take. `expected` is what an error says was expected. */

export const limit = Type.Integer({
  minimum: 1,
  maximum: 200,
  default: 50,
  description: 'how many at most'
})
export const cursor = Type.Optional(
  Type.String({ maxLength: 500, description: '`next_cursor` of the page before' })
)
export const account = Type.Optional(
  Type.String({ minLength: 1, maxLength: 64, description: 'only of this account' })
)
export const search = Type.Optional(
  Type.String({
    maxLength: 200,
    description:
      'words that all occur, the last one perhaps not to its end; case and accents do not count'
  })
)

/** @param which what is found by it */
export const time = (which: string) =>
  Type.Optional(
    Type.String({
      maxLength: 40,
      pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+ -]\\d\\d:\\d\\d)$',
      description: `an RFC 3339 time, such as 2026-11-25T10:00:00.000Z: ${which}`
    })
  )

/**
 * How a CSV file is written. By default as in RFC 4180, in UTF-8, with ISO 8601 times.
 */
export const csvParameters = {
  bom: Type.Optional(
    Type.Boolean({
      description:
        'true: begin with a byte order mark, without which Excel takes it for another encoding ' +
        'than UTF-8; with `excel` the default'
    })
  ),
  delimiter: Type.Optional(
    Type.Union([Type.Literal('comma'), Type.Literal('semicolon'), Type.Literal('tab')], {
      description:
        'between cells; without it a comma, and with `excel` what Excel takes in that language'
    })
  ),
  excel: Type.Optional(
    Type.String({
      minLength: 2,
      maxLength: 35,
      description: [
        'a language such as es, es-MX, pt-BR or en: the file is for Excel in it. It has a ' +
          'byte order mark, semicolons where',
        'a comma is the decimal sign, and times such as `2026-11-25 10:00:00`. Phone numbers ' +
          'and other text that Excel would',
        'make a number or a date, and so change, are written `="…"`; the import takes that off'
      ].join(' ')
    })
  ),
  tz: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'an IANA time zone, that of times with `excel`; without it UTC'
    })
  )
}

/** Which members of each item to give, so that a long list is light. */
export const fields = <S extends { properties: Record<string, TSchema> }>(item: S) =>
  Type.Optional(
    // by the type of a union of names that are only known here, it would take none
    Type.Array(
      Type.Union(
        Object.keys(item.properties).map((name) => Type.Literal(name))
      ) as unknown as TUnsafe<keyof S['properties'] & string>,
      {
        minItems: 1,
        maxItems: 100,
        description: 'only these members of each item'
      }
    )
  )

export const id = Type.Integer({
  minimum: 1,
  maximum: 999_999_999_999_999,
  description: '`id` of the list'
})
