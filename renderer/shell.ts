/**
 * What the desktop shell adds to the page when there is one; in a browser tab it is absent and the
 * actions that need it are not offered.
 */
export interface Shell {
  /** Shows a file in the desktop's file manager. @param path relative to the workspace */
  reveal(path: string): Promise<boolean>;
  notify(title: string, body: string): Promise<void>;
}

declare global {
  interface Window {
    readonly shell?: Shell;
  }
}

export function desktopShell(): Shell | null {
  return typeof window === 'undefined' ? null : (window.shell ?? null);
}
