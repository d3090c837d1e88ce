import Type, { type Static } from 'typebox'

/**
 * What a message of a sales conversation holds beside its text. Each part is there only when the
 * message has it. Amounts are in thousandths of the currency's unit, as WhatsApp gives them.
 */

/** The ad that a conversation came from (click to WhatsApp). */
export const Ad = Type.Object({
  title: Type.Optional(Type.String()),
  body: Type.Optional(Type.String()),
  url: Type.Optional(Type.String({ description: 'the ad or the post' })),
  id: Type.Optional(Type.String({ description: "Meta's id of the ad or post (source id)" })),
  type: Type.Optional(Type.String({ description: 'ad, post, …: as WhatsApp gives it' })),
  app: Type.Optional(Type.String({ description: 'facebook, instagram, …: as WhatsApp gives it' })),
  click_id: Type.Optional(Type.String({ description: "ctwa_clid, for Meta's conversion reports" }))
})
export type Ad = Static<typeof Ad>

const amount = {
  amount1000: Type.Optional(Type.Integer({ description: 'thousandths of the currency unit' })),
  currency: Type.Optional(Type.String({ description: 'ISO 4217' }))
}

export const Order = Type.Object({
  id: Type.Optional(Type.String()),
  title: Type.Optional(Type.String()),
  items: Type.Optional(Type.Integer({ minimum: 0 })),
  status: Type.Optional(Type.String()),
  ...amount
})
export type Order = Static<typeof Order>

export const Product = Type.Object({
  id: Type.Optional(Type.String()),
  title: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  url: Type.Optional(Type.String()),
  retailer_id: Type.Optional(Type.String()),
  ...amount
})
export type Product = Static<typeof Product>

export const Payment = Type.Object({
  kind: Type.Optional(
    Type.Union([Type.Literal('request'), Type.Literal('send')], {
      description: 'asked for, or sent; not told of a payment without a note'
    })
  ),
  status: Type.Optional(Type.String({ description: 'as WhatsApp gives it' })),
  note: Type.Optional(Type.String()),
  ...amount
})
export type Payment = Static<typeof Payment>

export const Choice = Type.Object({
  id: Type.Optional(Type.String()),
  text: Type.String(),
  url: Type.Optional(Type.String()),
  phone: Type.Optional(Type.String())
})
export type Choice = Static<typeof Choice>

/** One card of a carousel. */
export const Card = Type.Object({
  title: Type.Optional(Type.String()),
  body: Type.Optional(Type.String()),
  choices: Type.Optional(Type.Array(Choice))
})
export type Card = Static<typeof Card>

/**
 * What a business offers to choose from: buttons, a list's rows, a template's links, a flow, a
 * carousel.
 */
export const Interactive = Type.Object({
  title: Type.Optional(Type.String()),
  footer: Type.Optional(Type.String()),
  button: Type.Optional(Type.String({ description: 'the label that opens the list or flow' })),
  choices: Type.Optional(Type.Array(Choice)),
  cards: Type.Optional(Type.Array(Card))
})
export type Interactive = Static<typeof Interactive>

export const CalendarEvent = Type.Object({
  name: Type.String(),
  description: Type.Optional(Type.String()),
  starts_at: Type.Optional(Type.String({ description: 'RFC 3339' })),
  ends_at: Type.Optional(Type.String({ description: 'RFC 3339' })),
  place: Type.Optional(Type.String()),
  link: Type.Optional(Type.String()),
  canceled: Type.Optional(Type.Boolean())
})
export type CalendarEvent = Static<typeof CalendarEvent>

export const GroupInvite = Type.Object({
  group_id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  expires_at: Type.Optional(Type.String({ description: 'RFC 3339' }))
})
export type GroupInvite = Static<typeof GroupInvite>

export const Call = Type.Object({
  outcome: Type.Union([
    Type.Literal('answered'),
    Type.Literal('missed'),
    Type.Literal('rejected'),
    Type.Literal('canceled'),
    Type.Literal('unknown')
  ]),
  video: Type.Boolean(),
  group: Type.Optional(Type.Boolean()),
  seconds: Type.Optional(Type.Integer({ minimum: 0, description: 'how long it lasted' }))
})
export type Call = Static<typeof Call>

/** Several media that were sent as one; each is a message with `album_id`. */
export const Album = Type.Object({
  images: Type.Optional(Type.Integer({ minimum: 0 })),
  videos: Type.Optional(Type.Integer({ minimum: 0 }))
})
export type Album = Static<typeof Album>

/** Why the content is to be seen on the phone alone. */
export const PhoneOnly = Type.Union([
  Type.Literal('view_once'),
  Type.Literal('hosted', { description: 'a business that keeps its keys with a provider' }),
  Type.Literal('bot'),
  Type.Literal('placeholder', { description: 'WhatsApp shows this on the phone only' }),
  Type.Literal('oversized')
])
export type PhoneOnly = Static<typeof PhoneOnly>
