/** What `repair` does about a finding. Nothing is deleted: what leaves its place goes to `set-aside/`. */
export type Fix =
  /** Moves a file or folder aside. */
  | { readonly kind: 'set-aside' }
  /** Cuts a torn last line off. */
  | { readonly kind: 'cut' }
  /** Keeps these lines of a file; the whole of it is set aside first. */
  | { readonly kind: 'keep-lines'; readonly lines: readonly string[] }
  /** Writes the pointer to the newest checkpoint. */
  | { readonly kind: 'point'; readonly to: string }
  /** Writes a stage's record anew, from what its newest checkpoint says. */
  | { readonly kind: 'rebuild-record'; readonly inputHash: string }
  /** Removes what a crash left unfinished. */
  | { readonly kind: 'sweep' };

/** Something in a project that is not as it should be. */
export interface Finding {
  /** `damage`: results are lost or wrong. `leftover`: of a crash, harmless, seen to by the next run. */
  readonly kind: 'damage' | 'leftover';
  /** Below the project's folder. */
  readonly path: string;
  readonly problem: string;
  /** What it means: what is lost, and what still works. */
  readonly effect: string;
  readonly fix: Fix | null;
  /** The stage that has to be computed again in part; null where none has. */
  readonly stage: string | null;
}
