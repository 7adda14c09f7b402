package sandbox

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A pageRequest is how a client asks for a part of a list. Sizes are the
// operation's: what it gives unasked, and at most.
type pageRequest struct {
	limit *int
	token string
	usual int
	most  int
}

// cutPage cuts one page out of a list and names the next one, "" at the end.
func cutPage[T any](items []T, p pageRequest) (part []T, next string, err error) {
	size := p.usual
	if p.limit != nil {
		size = *p.limit
	}
	if size < 1 || size > p.most {
		return nil, "", errInvalidParameter("The page size must be between 1 and %d.", p.most)
	}
	from, err := readPageToken(p.token)
	if err != nil || from > len(items) {
		return nil, "", errInvalidParameter("Invalid token.")
	}
	to := min(from+size, len(items))
	if to < len(items) {
		next = pageToken(to)
	}
	return items[from:to], next, nil
}

func pageToken(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("page:" + strconv.Itoa(offset)))
}

func readPageToken(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	number, ok := strings.CutPrefix(string(text), "page:")
	offset, err := strconv.Atoi(number)
	if err != nil || !ok || offset < 0 {
		return 0, fmt.Errorf("%q is not a token of ours", token)
	}
	return offset, nil
}
