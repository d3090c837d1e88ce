import Type from 'typebox'
import {
  Alarm,
  AlarmPage,
  AlarmRule,
  AlarmRuleCreate,
  AlarmRuleList,
  AlarmRulePatch,
  BusinessHours,
  BusinessHoursPatch
} from '../alarm.ts'
import type { Operation } from './operation.ts'
import { cursor, id, limit } from './parameters.ts'

const params = Type.Object({ id })
const at = '2026-11-25T10:00:00.000Z'
const rule: AlarmRule = {
  id: 1,
  name: 'New leads within a quarter of an hour',
  event: 'lead.waiting',
  enabled: true,
  steps: [{ after_minutes: 15 }, { after_minutes: 60 }],
  during: 'business_hours',
  accounts: [],
  states: ['new'],
  tags: [],
  assignees: [],
  created_at: at
}
const alarm: Alarm = {
  id: 8,
  rule_id: rule.id,
  rule_name: rule.name,
  event: 'lead.waiting',
  step: 1,
  after_minutes: 15,
  lead_id: 7,
  account: null,
  since: '2026-11-25T09:45:00.000Z',
  raised_at: at,
  acknowledged_at: null,
  acknowledged_by: null,
  over_at: null
}
const nineToSix = [{ from: '09:00', until: '18:00' }]
const hours: BusinessHours = {
  time_zone: 'America/Mexico_City',
  weekly: {
    monday: nineToSix,
    tuesday: nineToSix,
    wednesday: nineToSix,
    thursday: nineToSix,
    friday: nineToSix,
    saturday: [],
    sunday: []
  },
  holidays: ['2026-12-25']
}

export const alarmOperations = {
  listAlarms: {
    tag: 'alarms',
    summary: 'List alarms, latest first',
    description:
      'Those that are over are kept for 90 days. An alarm goes with its lead when the lead is ' +
      'deleted, and with its rule.',
    query: Type.Object({
      open: Type.Optional(
        Type.Boolean({ description: 'true: only those that are not over; false: only the others' })
      ),
      limit,
      cursor
    }),
    answer: {
      status: 200,
      description: 'A page of alarms',
      schema: AlarmPage,
      example: { alarms: [alarm], next_cursor: null }
    }
  },
  acknowledgeAlarm: {
    tag: 'alarms',
    summary: 'Take note of an alarm',
    description:
      'Further steps of its rule are not raised for this wait, or this time the session is down. ' +
      'The lead waits all the same. Repeated, it changes nothing.',
    params,
    answer: { status: 200, description: 'The alarm', schema: Alarm, example: alarm },
    problems: ['not-found']
  },
  listAlarmRules: {
    tag: 'alarms',
    summary: 'List the rules of alarms',
    answer: {
      status: 200,
      description: 'All of them',
      schema: AlarmRuleList,
      example: { rules: [rule] }
    }
  },
  createAlarmRule: {
    tag: 'alarms',
    summary: 'Add a rule',
    description: [
      'Each step raises one alarm for each lead that has waited for so long, or each time a ' +
        'session is down: once until it is over, whatever happens to the hub. A lead that waits ' +
        'for so long already raises its alarm at once.',
      'Webhooks are told: `lead.waiting`, `session.down` and, when a session of which an alarm ' +
        'told is READY, `session.up`. An alarm is over when the lead waits no longer; a message ' +
        'that asks after that begins another wait.',
      'At most 100 rules.'
    ].join('\n\n'),
    body: {
      schema: AlarmRuleCreate,
      example: {
        name: rule.name,
        event: rule.event,
        steps: rule.steps,
        during: rule.during,
        states: rule.states
      }
    },
    answer: { status: 201, description: 'The rule', schema: AlarmRule, example: rule },
    problems: ['conflict']
  },
  patchAlarmRule: {
    tag: 'alarms',
    summary: 'Change a rule',
    description: 'Alarms that were raised stay as they are until they are over.',
    params,
    body: { schema: AlarmRulePatch, example: { enabled: false } },
    answer: { status: 200, description: 'The rule as it is now', schema: AlarmRule, example: rule },
    problems: ['not-found', 'precondition-failed']
  },
  deleteAlarmRule: {
    tag: 'alarms',
    summary: 'Remove a rule, with its alarms',
    params,
    answer: { status: 204, description: 'Done' },
    problems: ['not-found']
  },
  getBusinessHours: {
    tag: 'alarms',
    summary: 'Get the business hours',
    answer: {
      status: 200,
      description: 'As they were set; until then always, in UTC',
      schema: BusinessHours,
      example: hours
    }
  },
  patchBusinessHours: {
    tag: 'alarms',
    summary: 'Change the business hours',
    description: 'Minutes of rules with `during: business_hours` count within them alone.',
    body: { schema: BusinessHoursPatch, example: { holidays: hours.holidays } },
    answer: { status: 200, description: 'As they are now', schema: BusinessHours, example: hours },
    problems: ['precondition-failed']
  }
} as const satisfies Record<string, Operation>
