// Turns vitest's JSON report into the last line of a run. No tests, or no report, is a failure and not a success.
import { readFileSync } from 'node:fs'

const [file, check, tests] = process.argv.slice(2)
let passed = 0
let failed = 0
try {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  passed = report.numPassedTests
  failed = report.numFailedTests
  // A file that does not even load has no tests in it to fail.
  const broken = report.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  )
  for (const suite of broken) console.error(`${suite.name}: ${suite.message}`)
  failed += broken.length
} catch (error) {
  console.error(`No test report: ${error.message}`)
}
if (check !== '0') failed += 1
if (passed + failed === 0 || (tests !== '0' && failed === 0)) failed += 1

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
