/** The maildir tree as the lines that are drawn: folders with their depth, closed ones left out. */
import type { MaildirFolder } from '../../../engine/api/protocol.ts';

export interface FolderLine {
  readonly folder: MaildirFolder;
  readonly depth: number;
  readonly isOpen: boolean;
}

export function flatFolders(
  folders: readonly MaildirFolder[],
  isOpen: (folder: MaildirFolder) => boolean,
): FolderLine[] {
  const lines: FolderLine[] = [];
  const visit = (list: readonly MaildirFolder[], depth: number): void => {
    for (const folder of list) {
      const open = folder.children.length > 0 && isOpen(folder);
      lines.push({ folder, depth, isOpen: open });
      if (open) visit(folder.children, depth + 1);
    }
  };
  visit(folders, 0);
  return lines;
}
