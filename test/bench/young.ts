/**
 * For a process of Node whose memory is measured. Left alone, V8 lets its young generation grow to about 100 MB of garbage on a machine
 * with much memory, however little is alive. This costs a little processor time instead.
 */
export const YOUNG = '--max-semi-space-size=4'
