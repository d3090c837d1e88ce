import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What deploy/prometheus has, read for tests. */

const directory = join(import.meta.dirname, '../../deploy/prometheus')

export interface AlertRule {
  name: string
  /** Its expression in PromQL. */
  expr: string
  /** The rest of it, as YAML: `for`, labels and annotations. */
  text: string
}

/** A value after `key:` in one line, or folded (`>-`) in the lines below. */
const valueOf = (text: string, key: string): string => {
  const [, folded = '', line = ''] =
    new RegExp(`^ +${key}: (?:>-\\n((?: {10,}.*\\n)+)|(.*)$)`, 'm').exec(`${text}\n`) ?? []
  return (line || folded).trim().replaceAll(/\s+/g, ' ')
}

export const readAlertRules = (): AlertRule[] =>
  readFileSync(join(directory, 'alerts.yml'), 'utf8')
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({
      name: text.slice(0, text.indexOf('\n')),
      expr: valueOf(text, 'expr'),
      text
    }))

/** A query of a panel. */
export interface DashboardQuery {
  panel: string
  expr: string
  /** The name of each line, such as `{{account}}`. */
  legendFormat: string
}

interface Panel {
  title: string
  targets?: { expr: string; legendFormat: string }[]
}

export const readDashboardQueries = (): DashboardQuery[] => {
  const { panels } = JSON.parse(readFileSync(join(directory, 'dashboard.json'), 'utf8')) as {
    panels: Panel[]
  }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ panel: title, expr, legendFormat }))
  )
}

export interface Matcher {
  label: string
  operator: string
  value: string
}

/** A metric that an expression asks for. */
export interface Selector {
  metric: string
  matchers: Matcher[]
}

const keywords: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'offset', 'bool'])
const grouping = /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g

const matchersOf = (braces: string): Matcher[] =>
  [...braces.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
    ([, label = '', operator = '', value = '']) => ({ label, operator, value })
  )

/** Every name in an expression that is neither a function nor a keyword is a metric. */
export const selectorsOf = (expr: string): Selector[] => {
  const plain = expr.replaceAll(/\[[^\]]*\]/g, '').replaceAll(grouping, '')
  return [...plain.matchAll(/([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?/g)].flatMap(
    ([, metric = '', rest = '']) =>
      rest === '(' || keywords.has(metric) ? [] : [{ metric, matchers: matchersOf(rest) }]
  )
}

/** The labels that an expression groups or joins by. */
export const groupingOf = (expr: string): string[] =>
  [...expr.matchAll(grouping)].flatMap(([, labels = '']) => labels.match(/\w+/g) ?? [])
