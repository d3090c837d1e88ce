import { summarize, type Summarised } from '../../central-hub/console/summary.js'
import { english } from '../../central-hub/console/words.js'
import { clean } from '../text.ts'

/** A message in one line, in the words of the operator page. */
export const inWords = (message: Summarised): string => clean(summarize(message, english, 'en'))
