/** Saves what a signed address holds, under a name of its own. */
export function saveFrom(url: string, filename: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = filename.replaceAll(/[\\/:*?"<>|]/g, '_');
  link.click();
}
