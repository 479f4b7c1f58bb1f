import { AwsError } from '../aws-error.ts'
import type { Input } from './input.ts'

/** Ends a dry run that would have succeeded; called when every check has passed and nothing is done yet. */
export function refuseDryRun(input: Input): void {
  if (input.flag('DryRun')) {
    throw new AwsError(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    )
  }
}
