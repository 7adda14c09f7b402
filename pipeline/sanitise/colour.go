package sanitise

import (
	"strconv"
	"strings"
)

// Span is how the bytes From to To of a safe text looked where it was written.
type Span struct {
	From, To int
	Look     Look
}

// Look is what escape sequences may say of how a text looks: colour and
// emphasis. Blinking and concealed text are not among it.
type Look struct {
	Foreground, Background         Colour
	Bold, Faint, Italic, Underline bool
	Inverse                        bool
}

// Colour is one of a terminal's colours, or any other; zero is the terminal's
// own.
type Colour uint32

const trueColour Colour = 1 << 24

// Palette is one of the 256 colours of a terminal.
func Palette(n uint8) Colour { return Colour(n) + 1 }

// Index is the number of a colour of the palette, and whether it is one.
func (c Colour) Index() (n uint8, ok bool) {
	if c == 0 || c&trueColour != 0 {
		return 0, false
	}
	return uint8(c - 1), true //nolint:gosec // 256 colours
}

// RGB is a colour outside the palette, and whether it is one.
func (c Colour) RGB() (r, g, b uint8, ok bool) {
	return uint8(c >> 16), uint8(c >> 8), uint8(c), c&trueColour != 0 //nolint:gosec // the bytes of a number
}

// Coloured is Text that keeps how parts of the line looked, as data: no byte of
// an escape sequence is in the text, and a sequence says nothing here but its
// colour and emphasis. Text in the colour of its background would be hidden; it
// keeps neither.
func Coloured(s string) (text string, spans []Span) {
	if !strings.Contains(s, "\x1b[") {
		return Text(s), nil
	}
	s = strings.TrimRight(s, "\r\n")
	var b strings.Builder
	b.Grow(len(s))
	var look Look
	from := 0
	end := func() {
		if look != (Look{}) && b.Len() > from {
			spans = append(spans, Span{from, b.Len(), look.seen()})
		}
		from = b.Len()
	}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "\x1b[") {
			n := sequence(s[i:])
			if s[i+n-1] == 'm' && n > 2 {
				end()
				look.apply(s[i+2 : i+n-1])
			}
			i += n
			continue
		}
		i += next(&b, s[i:])
	}
	end()
	return b.String(), spans
}

// seen is the look without what would hide the text.
func (l Look) seen() Look {
	if l.Foreground != 0 && l.Foreground == l.Background {
		l.Foreground, l.Background = 0, 0
	}
	return l
}

// apply takes the parameters of one SGR sequence. What it does not know changes
// nothing.
func (l *Look) apply(parameters string) {
	codes := strings.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' })
	if len(codes) == 0 {
		*l = Look{}
		return
	}
	numbers := make([]int, len(codes))
	for i, c := range codes {
		n, err := strconv.Atoi(c)
		if err != nil {
			return // a private sequence, which sets no look
		}
		numbers[i] = n
	}
	for i := 0; i < len(numbers); i++ {
		if n := numbers[i]; n == 38 || n == 48 || n == 58 {
			colour, used := extended(numbers[i+1:])
			i += used
			l.paint(n, colour)
			continue
		}
		l.set(numbers[i])
	}
}

// extended reads 5;N or 2;R;G;B.
func extended(n []int) (c Colour, used int) {
	part := func(i int) Colour { return Colour(max(min(n[i], 255), 0)) } //nolint:gosec // bounded
	switch {
	case len(n) >= 2 && n[0] == 5:
		return part(1) + 1, 2
	case len(n) >= 4 && n[0] == 2:
		return trueColour | part(1)<<16 | part(2)<<8 | part(3), 4
	}
	return 0, len(n)
}

func (l *Look) paint(what int, c Colour) {
	switch what {
	case 38:
		l.Foreground = c
	case 48:
		l.Background = c
	}
}

// set applies one code of SGR: a colour here, else what mark knows.
func (l *Look) set(code int) {
	switch {
	case code >= 30 && code <= 37:
		l.Foreground = Palette(uint8(code - 30))
	case code == 39:
		l.Foreground = 0
	case code >= 40 && code <= 47:
		l.Background = Palette(uint8(code - 40))
	case code == 49:
		l.Background = 0
	case code >= 90 && code <= 97:
		l.Foreground = Palette(uint8(code - 90 + 8))
	case code >= 100 && code <= 107:
		l.Background = Palette(uint8(code - 100 + 8))
	default:
		l.mark(code)
	}
}

func (l *Look) mark(code int) {
	switch code {
	case 0:
		*l = Look{}
	case 1:
		l.Bold = true
	case 2:
		l.Faint = true
	case 3:
		l.Italic = true
	case 4:
		l.Underline = true
	case 7:
		l.Inverse = true
	case 22:
		l.Bold, l.Faint = false, false
	case 23:
		l.Italic = false
	case 24:
		l.Underline = false
	case 27:
		l.Inverse = false
	}
}
