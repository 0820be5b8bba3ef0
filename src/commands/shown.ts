// Names that users chose, on a terminal.

/** A terminal takes orders from control characters, and shows others in places where they are not. */
export const shown = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
