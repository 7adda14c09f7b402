package wall

import "strings"

// bigText writes a version in letters three rows high, made of half blocks, to
// be read from across a room; nil where a character has no such letter.
func bigText(text string, ascii bool) []string {
	if ascii || text == "" {
		return nil
	}
	rows := make([]strings.Builder, 3)
	for i, r := range text {
		letter, ok := letters[r]
		if !ok {
			return nil
		}
		for y := range rows {
			if i > 0 {
				rows[y].WriteByte(' ')
			}
			rows[y].WriteString(letter[y])
		}
	}
	return []string{rows[0].String(), rows[1].String(), rows[2].String()}
}

// double makes letters twice as wide and twice as high.
func double(rows []string) []string {
	out := make([]string, 0, 2*len(rows))
	upper := strings.NewReplacer("█", "██", "▀", "██", "▄", "  ", " ", "  ")
	lower := strings.NewReplacer("█", "██", "▀", "  ", "▄", "██", " ", "  ")
	for _, r := range rows {
		out = append(out, upper.Replace(r), lower.Replace(r))
	}
	return out
}

// letters are what versions and short SHAs are made of. All rows of a letter
// are equally wide.
var letters = map[rune][3]string{
	'0': {"█▀█", "█ █", "▀▀▀"},
	'1': {"▀█ ", " █ ", "▀▀▀"},
	'2': {"▀▀█", "█▀▀", "▀▀▀"},
	'3': {"▀▀█", " ▀█", "▀▀▀"},
	'4': {"█ █", "▀▀█", "  ▀"},
	'5': {"█▀▀", "▀▀█", "▀▀▀"},
	'6': {"█▀▀", "█▀█", "▀▀▀"},
	'7': {"▀▀█", "  █", "  ▀"},
	'8': {"█▀█", "█▀█", "▀▀▀"},
	'9': {"█▀█", "▀▀█", "▀▀▀"},
	'a': {"▄▄▄", "█▀█", "▀ ▀"},
	'b': {"█▄▄", "█ █", "▀▀▀"},
	'c': {"▄▄▄", "█  ", "▀▀▀"},
	'd': {"▄▄█", "█ █", "▀▀▀"},
	'e': {"█▀▀", "█▀ ", "▀▀▀"},
	'f': {"█▀▀", "█▀ ", "▀  "},
	'r': {"▄▄▄", "█  ", "▀  "},
	'v': {"▄ ▄", "█ █", " ▀ "},
	'.': {" ", " ", "▀"},
	'-': {"  ", "▀▀", "  "},
}
