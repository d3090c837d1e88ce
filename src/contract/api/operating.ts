import Type from 'typebox'
import { Readiness } from '../lead.ts'
import { Health } from '../session.ts'
import { SignIn } from '../team.ts'
import type { Operation } from './operation.ts'

/** For who operates the hub, and for signing in. */
export const operatingOperations = {
  getHealth: {
    tag: 'operation',
    summary: 'Alive',
    answer: {
      status: 200,
      description: 'Whatever else works',
      schema: Health,
      example: {
        status: 'ok',
        service: 'central-hub',
        timestamp: '2026-11-25T10:00:00.000Z',
        version: '0.1.0',
        pid: 4711,
        uptime_s: 3600
      }
    }
  },
  getReadiness: {
    tag: 'operation',
    summary: 'What works, and how to mend what does not',
    answer: {
      status: 200,
      description: 'All checks are well',
      also: { 503: 'One is not: its `detail` says how to mend it' },
      schema: Readiness,
      example: {
        ready: true,
        checks: [{ name: 'store', ok: true, detail: 'open in /var/lib/leadmaster/central-hub' }]
      }
    }
  },
  getMetrics: {
    tag: 'operation',
    summary: 'Metrics',
    answer: { status: 200, description: 'As Prometheus has it', types: ['text/plain'] }
  },
  getOpenApi: {
    tag: 'operation',
    summary: 'This description of the API',
    answer: {
      status: 200,
      description: 'OpenAPI 3.1',
      schema: Type.Object({ openapi: Type.String() }),
      example: { openapi: '3.1.1' }
    }
  },
  signIn: {
    tag: 'operation',
    summary: 'Sign in, for a cookie',
    description:
      'As an operator, or with HUB_API_TOKEN. For the operator page: the cookie cannot be read ' +
      'by scripts and lasts 30 days. Programs send an API key instead. After some failures for ' +
      'one username, or from one address, `Retry-After` says how long to wait.',
    body: { schema: SignIn, example: { username: 'luisa', password: '…' } },
    answer: { status: 204, description: 'Signed in' },
    problems: ['sign-in-failed']
  },
  signOut: {
    tag: 'operation',
    summary: 'Take the cookie back, and end its session',
    answer: { status: 204, description: 'Signed out' }
  }
} as const satisfies Record<string, Operation>
