import en from '../../central-hub/console/en.json' with { type: 'json' }
import { summarize, type Summarised } from '../../central-hub/console/summary.js'
import { clean } from '../text.ts'

/** A message in one line, in the words of the operator page. */
export const inWords = (message: Summarised): string => clean(summarize(message, en, 'en'))
