/** The maildir tree as the lines that are drawn: folders with their depth, closed ones left out. */
import type { MaildirFolder } from '../../../engine/api/protocol.ts';

export interface FolderLine {
  readonly folder: MaildirFolder;
  readonly depth: number;
  readonly isOpen: boolean;
  /** Children of this folder that are not there: the line stands for them. */
  readonly more?: number;
}

export function flatFolders(
  folders: readonly MaildirFolder[],
  isOpen: (folder: MaildirFolder) => boolean,
): FolderLine[] {
  const lines: FolderLine[] = [];
  const visit = (list: readonly MaildirFolder[], depth: number): void => {
    for (const folder of list) {
      const open = folder.childCount > 0 && isOpen(folder);
      lines.push({ folder, depth, isOpen: open });
      if (!open) continue;
      visit(folder.children, depth + 1);
      const more = folder.childCount - folder.children.length;
      if (more > 0 && folder.children.length > 0) {
        lines.push({ folder, depth: depth + 1, isOpen: false, more });
      }
    }
  };
  visit(folders, 0);
  return lines;
}
