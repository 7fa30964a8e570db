/** Tests that may be skipped in continuous integration: the test's full name, and why. Any other skip is a failure. */
export const allowedSkips: Readonly<Record<string, string>> = {
  'crictl itself prints the same columns and the same JSON': 'no package of Debian has crictl: name one with SCOW_TEST_CRICTL',
  'critest: no spec fails': 'critest is no package of Debian: a machine may lack it',
  'critest: exec over WebSocket': 'as above, and critest before 1.29 has no such mode',
  'critest: attach over WebSocket': 'as above',
  'critest: portforward over WebSocket': 'as above',
  'a kubelet runs static pods': 'kubelet is no package of Debian: a machine may lack it',
  'a kubelet has from the runtime what newer pods ask for': 'as above, and one before 1.36 has not all of it',
}
