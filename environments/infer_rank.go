package environments

import (
	"slices"
	"strings"
)

// rank orders stages by what their names say.
type rank int

// The ranks, in promotion order. What no word tells stands between the stages
// for tests and the ones before production.
const (
	developmentRank rank = iota
	testRank
	unknownRank
	stagingRank
	productionRank
)

// rankWords are the words that teams use for each rank. The first is the one
// that a stage gets as its name where it has none of its own.
var rankWords = map[rank][]string{
	developmentRank: {"development", "dev", "sandbox", "playground"},
	testRank:        {"test", "testing", "qa", "integration", "int", "preview", "review"},
	stagingRank:     {"staging", "stage", "stg", "uat", "acceptance", "preprod", "preproduction", "nonprod", "nonproduction", "canary", "demo"},
	productionRank:  {"production", "prod", "prd", "live"},
}

// tokens splits a name into its lower-case words. "pre-production" is one word,
// because its second half alone would mean the opposite.
func tokens(name string) []string {
	lower := strings.ToLower(name)
	lower = strings.NewReplacer("pre-pro", "prepro", "pre_pro", "prepro", "non-pro", "nonpro", "non_pro", "nonpro").Replace(lower)
	return strings.FieldsFunc(lower, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// rankOf tells a stage's rank by the words of its name. Where several words
// speak, the lower rank wins: staging-production-copy is no production.
func rankOf(name string) rank {
	for _, r := range []rank{developmentRank, testRank, stagingRank, productionRank} {
		if slices.ContainsFunc(tokens(name), func(word string) bool { return slices.Contains(rankWords[r], word) }) {
			return r
		}
	}
	return unknownRank
}

// rankWord returns the usual name of the stage that a cluster's, service's or
// file's name speaks of, or nothing.
func rankWord(name string) string {
	if r := rankOf(strings.TrimSuffix(strings.TrimSuffix(name, ".yml"), ".yaml")); r == stagingRank || r == productionRank {
		return rankWords[r][0]
	}
	return ""
}
