/** Tests that may be skipped in continuous integration: the test's full name, and why. Any other skip is a failure. */
export const allowedSkips: Readonly<Record<string, string>> = {
  'crictl itself prints the same columns and the same JSON': 'no package of Debian has crictl: name one with SCOW_TEST_CRICTL',
}
