package sandbox

import (
	"fmt"
	"strings"
)

// failedTest is a test of the shop that did not pass, as pytest tells of it.
type failedTest struct {
	path  string
	line  int
	name  string
	code  []string // up to the line that failed
	error string
	more  string // a second line of the error
}

var (
	// oldCart finds what is wrong with a broken commit.
	oldCart = &failedTest{
		path: "tests/test_cart.py", line: 88, name: "test_old_cart", error: "KeyError: 'sku'",
		code: []string{
			"    def test_old_cart(session):",
			`        cart = Cart(session(lines=[{"price": "9.90", "quantity": 1}]))`,
			`>       assert cart.total() == Decimal("9.90")`,
		},
	}
	// lastItem fails when two of its transactions meet, which is seldom.
	lastItem = &failedTest{
		path: "tests/test_stock.py", line: 41, name: "test_last_item_is_sold_once",
		error: "django.db.utils.OperationalError: deadlock detected",
		more:  "DETAIL:  Process 71 waits for ShareLock on transaction 1893; blocked by process 74.",
		code: []string{
			"    def test_last_item_is_sold_once(product, two_customers):",
			"        with ThreadPoolExecutor(2) as pool:",
			">           orders = list(pool.map(buy, two_customers))",
		},
	}
)

// annotation is what a reporter makes of it.
func (f *failedTest) annotation() Annotation {
	return Annotation{Path: f.path, Line: f.line, Level: "failure", Title: f.name, Message: f.error}
}

// report is what pytest prints of it, behind the tests that passed.
func (f *failedTest) report() []string {
	if f == nil {
		return nil
	}
	lines := []string{f.path + " ......F", "", "=================================== FAILURES ===================================", heading(f.name), ""}
	lines = append(append(lines, f.code...), "", fmt.Sprintf("%s:%d:", f.path, f.line), "E       "+f.error)
	if f.more != "" {
		lines = append(lines, "E       "+f.more)
	}
	return append(
		lines,
		"=========================== short test summary info ============================",
		fmt.Sprintf("FAILED %s::%s - %s", f.path, f.name, f.error),
		"======================== 1 failed, 213 passed in 96.11s ========================",
	)
}

// heading puts a test's name into the middle of a line.
func heading(name string) string {
	const width = 80
	left := (width - len(name) - 2) / 2
	return strings.Repeat("_", left) + " " + name + " " + strings.Repeat("_", width-len(name)-2-left)
}
