/** Tests that may be skipped in continuous integration: the test's full name, and why. Any other skip is a failure. */
export const allowedSkips: Readonly<Record<string, string>> = {}
