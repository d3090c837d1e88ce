import Type, { type Static } from 'typebox'
import { LeadState } from './lead.ts'

/**
 * Alarms: what somebody is told when a lead has waited for too long, or when the session with
 * WhatsApp is down.
 */

const AlarmEvent = Type.Union([
  Type.Literal('lead.waiting', { description: 'a lead waits for an answer' }),
  Type.Literal('session.down', { description: 'the session of an account is not READY' })
])

const AlarmStep = Type.Object(
  {
    after_minutes: Type.Integer({
      minimum: 1,
      maximum: 10_080,
      description: 'how long it has lasted by then: more than in the step before'
    })
  },
  { additionalProperties: false }
)

const name = Type.String({ minLength: 1, maxLength: 100, description: 'as the team says it' })
const steps = Type.Array(AlarmStep, {
  minItems: 1,
  maxItems: 5,
  description: 'each raises one alarm; an alarm that is acknowledged keeps back the further steps'
})
const during = Type.Union(
  [
    Type.Literal('business_hours', { description: 'minutes outside of them do not count' }),
    Type.Literal('always')
  ],
  { description: 'which minutes count' }
)
const enabled = Type.Boolean({ description: 'false: it raises nothing further' })
const accounts = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
  maxItems: 50,
  uniqueItems: true,
  description: 'only of these accounts; empty: of any'
})
const ofLeads = 'only for lead.waiting; empty: any'
const states = Type.Array(LeadState, { maxItems: 10, uniqueItems: true, description: ofLeads })
const tags = Type.Array(Type.String({ minLength: 1, maxLength: 50 }), {
  maxItems: 50,
  uniqueItems: true,
  description: `a lead has one of them; ${ofLeads}`
})
const assignees = Type.Array(Type.String({ maxLength: 100 }), {
  maxItems: 50,
  uniqueItems: true,
  description: `who takes care of the lead, "" for nobody; ${ofLeads}`
})

export const AlarmRule = Type.Object({
  id: Type.Integer(),
  name,
  event: AlarmEvent,
  enabled,
  steps,
  during,
  accounts,
  states,
  tags,
  assignees,
  created_at: Type.String()
})
export type AlarmRule = Static<typeof AlarmRule>

export const AlarmRuleList = Type.Object({ rules: Type.Array(AlarmRule) })

export const AlarmRuleCreate = Type.Object(
  {
    name,
    event: AlarmEvent,
    steps,
    during: Type.Optional(during),
    enabled: Type.Optional(enabled),
    accounts: Type.Optional(accounts),
    states: Type.Optional(states),
    tags: Type.Optional(tags),
    assignees: Type.Optional(assignees)
  },
  { additionalProperties: false }
)
export type AlarmRuleCreate = Static<typeof AlarmRuleCreate>

export const AlarmRulePatch = Type.Object(
  {
    name: Type.Optional(name),
    enabled: Type.Optional(enabled),
    steps: Type.Optional(steps),
    during: Type.Optional(during),
    accounts: Type.Optional(accounts),
    states: Type.Optional(states),
    tags: Type.Optional(tags),
    assignees: Type.Optional(assignees)
  },
  { additionalProperties: false, minProperties: 1 }
)
export type AlarmRulePatch = Static<typeof AlarmRulePatch>

const timeOfDay = (description: string) =>
  Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$', maxLength: 5, description })

const OpenFrom = Type.Object(
  {
    from: timeOfDay('such as 09:00'),
    until: timeOfDay('such as 18:00, later than `from`; 24:00 is the end of the day')
  },
  { additionalProperties: false }
)
const day = Type.Array(OpenFrom, { maxItems: 5, description: 'empty: closed' })

const hours = {
  time_zone: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'an IANA time zone, such as America/Mexico_City'
  }),
  weekly: Type.Object(
    {
      monday: day,
      tuesday: day,
      wednesday: day,
      thursday: day,
      friday: day,
      saturday: day,
      sunday: day
    },
    { additionalProperties: false }
  ),
  holidays: Type.Array(
    Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$', maxLength: 10, description: 'YYYY-MM-DD' }),
    { maxItems: 500, uniqueItems: true, description: 'days on which it is closed' }
  )
}

export const BusinessHours = Type.Object(hours, { additionalProperties: false })
export type BusinessHours = Static<typeof BusinessHours>

export const BusinessHoursPatch = Type.Object(
  {
    time_zone: Type.Optional(hours.time_zone),
    weekly: Type.Optional(hours.weekly),
    holidays: Type.Optional(hours.holidays)
  },
  { additionalProperties: false, minProperties: 1 }
)

const timeOrNever = Type.Union([Type.String(), Type.Null()])

export const Alarm = Type.Object({
  id: Type.Integer(),
  rule_id: Type.Integer(),
  rule_name: Type.String(),
  event: AlarmEvent,
  step: Type.Integer({ description: 'of the rule, from 1' }),
  after_minutes: Type.Integer({ description: 'of that step when it was raised' }),
  lead_id: Type.Union([Type.Integer(), Type.Null()], { description: 'of lead.waiting' }),
  account: Type.Union([Type.String(), Type.Null()], {
    description: 'of session.down; "" when the first session-manager never said its name'
  }),
  since: Type.String({ description: 'since when the lead waits, or the session is down' }),
  raised_at: Type.String(),
  acknowledged_at: timeOrNever,
  acknowledged_by: Type.Union([Type.String(), Type.Null()], {
    description: 'the name of the operator or the API key; null for HUB_API_TOKEN'
  }),
  over_at: Type.Union([Type.String(), Type.Null()], {
    description: 'when it was seen that the lead waits no longer, or the session is READY'
  })
})
export type Alarm = Static<typeof Alarm>

export const AlarmPage = Type.Object({
  alarms: Type.Array(Alarm),
  next_cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'pass it as `cursor` for the next page; null on the last'
  })
})
export type AlarmPage = Static<typeof AlarmPage>
