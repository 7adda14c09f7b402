package sandbox

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"
)

// Paths in the repository that the simulation knows.
const (
	cartPath       = "services/orders/checkout/cart.py"
	pricesPath     = "services/catalog/catalog/prices.py"
	settingsPath   = "services/payments/payments/settings.py"
	sessionsPath   = "services/users/users/settings.py"
	modelsPath     = "services/orders/orders/models.py"
	migrationsPath = "services/orders/orders/migrations/"
)

// change is one pull request: a commit on a feature branch that is squashed
// into develop.
type change struct {
	title   string
	author  string
	service string
	edit    func(files map[string]string) // what it does beyond adding a function
	flaky   bool                          // its first push fails its tests
	unlucky bool                          // on develop a test fails by chance, once
}

// past is one release in the repository's history.
type past struct {
	version  string
	age      time.Duration // of the merge to main, before the sandbox starts
	merger   string
	approver string // "" leaves it waiting
	answer   time.Duration
	changes  []change
	// rolledBack names who rolls it back, "" nobody.
	rolledBack string
	hurry      bool // its changes reach develop within minutes of each other
	abandoned  bool // its run is cancelled while it waits
	lead       time.Duration
}

const day = 24 * time.Hour

// releases is the history that every scenario shares, oldest first.
var releases = []past{
	{version: "v1.28.0", age: 74*day + 3*time.Hour, merger: "bob", approver: "alice", changes: []change{
		{title: "Add wishlist endpoints", author: "carol", service: "catalog", flaky: true}, {title: "Send order mails in the customer's language", author: "dave", service: "notifications"},
	}},
	{version: "v1.29.0", age: 70*day + 2*time.Hour, merger: "carol", approver: "bob", changes: []change{
		{title: "Speed up product search with a trigram index", author: "bob", service: "catalog"}, {title: "Refuse expired cards before charging", author: "alice", service: "payments"},
	}},
	{version: "v1.30.0", age: 65*day + 5*time.Hour, merger: "bob", approver: "alice", hurry: true, changes: []change{
		{title: "Add delivery windows to orders", author: "carol", service: "orders", edit: addMigration("0053_delivery_window", `model_name="order", name="delivery_window", field=models.CharField(max_length=32, null=True)`)},
		{title: "Bump Django to 5.1.4", author: "dave", service: "users", flaky: true},
		{title: "Trim trailing slashes at the gateway", author: "bob", service: "api-gateway"},
	}},
	{version: "v1.31.0", age: 60*day + 1*time.Hour, merger: "alice", approver: "bob", changes: []change{
		{title: "Rate-limit login by address", author: "dave", service: "users"}, {title: "Log the request id at the gateway", author: "carol", service: "api-gateway"},
	}},
	{version: "v1.32.0", age: 56*day + 4*time.Hour, merger: "bob", approver: "carol", changes: []change{
		{title: "Paginate order history", author: "bob", service: "orders", flaky: true}, {title: "Retry mail delivery with back-off", author: "carol", service: "notifications"},
	}},
	{version: "v1.33.0", age: 51*day + 2*time.Hour, merger: "carol", approver: "alice", changes: []change{
		{title: "Support SEPA direct debit", author: "alice", service: "payments"}, {title: "Index products nightly", author: "dave", service: "catalog"},
	}},
	{version: "v1.34.0", age: 46*day + 6*time.Hour, merger: "bob", approver: "alice", hurry: true, changes: []change{
		{title: "Split the address form by country", author: "carol", service: "users"}, {title: "Add gift notes to orders", author: "bob", service: "orders", edit: addMigration("0054_gift_note", `model_name="order", name="gift_note", field=models.TextField(null=True)`)}, {title: "Cache the category tree", author: "dave", service: "catalog", flaky: true},
	}},
	{version: "v1.35.0", age: 41*day + 3*time.Hour, merger: "alice", approver: "bob", changes: []change{
		{title: "Sign webhooks with HMAC", author: "alice", service: "notifications"}, {title: "Report slow queries", author: "carol", service: "orders"},
	}},
	{version: "v1.36.0", age: 36*day + 5*time.Hour, merger: "bob", abandoned: true, changes: []change{
		{title: "Show stock per warehouse", author: "dave", service: "catalog"},
	}},
	{version: "v1.36.1", age: 36*day + 4*time.Hour + 20*time.Minute, merger: "bob", approver: "", lead: 30 * time.Minute, changes: []change{
		{title: "Count reserved stock as gone", author: "dave", service: "catalog"},
	}},
	{version: "v1.36.2", age: 36*day + 3*time.Hour + 50*time.Minute, merger: "bob", approver: "alice", lead: 15 * time.Minute, changes: []change{
		{title: "Show stock to logged-in customers only", author: "carol", service: "catalog"},
	}},
	{version: "v1.37.0", age: 31*day + 2*time.Hour, merger: "carol", approver: "alice", changes: []change{
		{title: "Move sessions to Redis", author: "bob", service: "users", flaky: true}, {title: "Time out calls to the acquirer after 8 s", author: "alice", service: "payments"},
	}},
	{version: "v1.38.0", age: 26*day + 4*time.Hour, merger: "bob", approver: "carol", hurry: true, changes: []change{
		{title: "Add coupons at checkout", author: "carol", service: "orders", edit: addMigration("0055_coupon_uses", `model_name="coupon", name="uses", field=models.PositiveIntegerField(default=0)`)}, {title: "Mail a receipt for each refund", author: "dave", service: "notifications"},
	}},
	{version: "v1.39.0", age: 20*day + 5*time.Hour, merger: "alice", approver: "bob", changes: []change{
		{title: "Accept brotli at the gateway", author: "bob", service: "api-gateway", flaky: true}, {title: "Bump psycopg to 3.2.3", author: "dave", service: "orders"},
	}},
	{version: "v1.40.0", age: 14*day + 3*time.Hour, merger: "bob", approver: "alice", changes: []change{
		{title: "Let customers merge accounts", author: "carol", service: "users"}, {title: "Export invoices as PDF/A", author: "alice", service: "payments", flaky: true},
	}},
	{version: "v1.41.0", age: 9*day + 2*time.Hour, merger: "carol", approver: "alice", changes: []change{
		{title: "Add a second address to orders", author: "bob", service: "orders", edit: addMigration("0056_billing_address", `model_name="order", name="billing_address", field=models.BigIntegerField(null=True)`)}, {title: "Sort search results by margin", author: "dave", service: "catalog"},
	}},
	{version: "v1.41.1", age: 5*day + 4*time.Hour, merger: "bob", approver: "alice", changes: []change{
		{title: "Retry webhooks five times", author: "alice", service: "notifications"},
	}},
	{version: "v1.41.2", age: 2*day + 7*time.Hour, merger: "dave", approver: "bob", answer: 10 * time.Minute, rolledBack: "carol", changes: []change{
		{title: "Cache product prices", author: "dave", service: "catalog", edit: cachePrices("None")},
	}},
	{version: "v1.41.3", age: 2*day + 4*time.Hour, merger: "bob", approver: "alice", answer: 10 * time.Minute, lead: 2 * time.Hour, changes: []change{
		{title: "Expire cached prices after a minute", author: "dave", service: "catalog", edit: cachePrices("60")}, {title: "Bump gunicorn to 23.0.0", author: "carol", service: "api-gateway"},
	}},
}

// nextRelease is the release that scenarios let arrive last. With the fault it
// also trusts that every cart line has a sku.
func nextRelease(faulty bool) past {
	return past{version: "v1.42.0", merger: "bob", changes: []change{
		{title: "Add a coupon field to orders", author: "carol", service: "orders", edit: addMigration("0057_order_coupon", `model_name="order", name="coupon", field=models.CharField(max_length=24, null=True)`)},
		{title: "Bump redis to 5.2.1", author: "bob", service: "users", flaky: true},
		{title: "Fix cart rounding", author: "bob", service: "orders", edit: fixRounding(faulty)},
	}}
}

// addMigration adds a migration with one AddField.
func addMigration(name, arguments string) func(map[string]string) {
	return func(files map[string]string) {
		previous := "0001_initial"
		for path := range files {
			n, ok := strings.CutPrefix(path, migrationsPath)
			if n = strings.TrimSuffix(n, ".py"); ok && n != "__init__" && n > previous && n < name {
				previous = n
			}
		}
		files[migrationsPath+name+".py"] = fmt.Sprintf(`from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", %q)]

    operations = [
        migrations.AddField(%s),
    ]
`, previous, arguments)
		model, column, _ := strings.Cut(arguments, ", name=")
		column, _, _ = strings.Cut(column, ", field=")
		_, field, _ := strings.Cut(arguments, "field=")
		class := strings.ToUpper(model[12:13]) + model[13:len(model)-1]
		line := fmt.Sprintf("    %s = %s\n", strings.Trim(column, `"`), field)
		head := "class " + class + "(models.Model):\n"
		files[modelsPath] = strings.Replace(files[modelsPath], head, head+line, 1)
	}
}

// cachePrices adds or changes the price cache of catalog.
func cachePrices(timeout string) func(map[string]string) {
	return func(files map[string]string) {
		files[pricesPath] = fmt.Sprintf(`"""Prices, cached because every page asks for dozens of them."""

from decimal import Decimal

from django.core.cache import cache

from catalog.models import Product


def key_of(sku):
    """The cache key of a product's price."""
    return f"price:{sku}"


def warm(skus):
    """Put the prices of the products into the cache."""
    for product in Product.objects.filter(sku__in=skus):
        cache.set(key_of(product.sku), str(product.price), timeout=%s)


def price(sku):
    """The price of a product."""
    key = key_of(sku)
    if cache.get(key) is None:
        warm([sku])
    return Decimal(cache.get(key))
`, timeout)
	}
}

// fixRounding rounds the cart's total; the faulty one also drops the case of
// old carts.
func fixRounding(faulty bool) func(map[string]string) {
	return func(files map[string]string) {
		cart := strings.Replace(files[cartPath], "return self.subtotal() - self.discount()",
			"return (self.subtotal() - self.discount()).quantize(Decimal(\"0.01\"), ROUND_HALF_UP)", 1)
		cart = strings.Replace(cart, "from decimal import Decimal", "from decimal import ROUND_HALF_UP, Decimal", 1)
		if faulty {
			cart = regexp.MustCompile(`(?s)        sku = line.get\("sku"\)\n.*?price\n`).
				ReplaceAllString(cart, "        return Product.objects.get(sku=line[\"sku\"]).price\n")
			cart = strings.Replace(cart, "The price of a line; carts made before v1.9 have no sku in them.", "The present price of a line.", 1)
		}
		files[cartPath] = cart
	}
}

// dropColumn adds a migration that removes a field: what came before it cannot
// run on that schema.
func dropColumn(files map[string]string) {
	addMigration("0058_drop_billing_address", `model_name="order", name="billing_address"`)(files)
	path := migrationsPath + "0058_drop_billing_address.py"
	files[path] = strings.Replace(files[path], "migrations.AddField(", "migrations.RemoveField(", 1)
	files[modelsPath] = regexp.MustCompile(`    billing_address = .*\n`).ReplaceAllString(files[modelsPath], "")
}

// requireReference adds a migration that stops on a table with rows: all of them
// get the same text, and the column takes each text once.
func requireReference(files map[string]string) {
	addMigration("0058_order_reference", `model_name="order", name="reference", field=models.CharField(max_length=24, db_default="", unique=True)`)(files)
}

// keepConnections makes each thread of users keep a connection to the database,
// of which production has more threads than connections.
func keepConnections(files map[string]string) {
	files[sessionsPath] += "\nCONN_MAX_AGE = None\n"
}

// readRegion makes payments read a setting that production does not have.
func readRegion(files map[string]string) {
	files[settingsPath] += "\nACQUIRER_REGION = os.environ[\"ACQUIRER_REGION\"]\n"
}

// function is what a change adds to its service: a small view with a name made
// of the title.
func (c change) function() string {
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(c.title), "_"), "_")
	return fmt.Sprintf("\n\ndef %s(request):\n    \"\"\"%s.\"\"\"\n    return respond(request, feature=%q)\n", name, c.title, name)
}

// apply makes the files of a change from those before it.
func (w *World) apply(c change, before map[string]string) map[string]string {
	r := w.Hub.Repository
	path := "services/" + c.service + "/" + moduleOf(c.service) + "/views.py"
	text := map[string]string{path: r.Blobs[before[path]] + c.function()}
	for _, p := range []string{cartPath, pricesPath, settingsPath, sessionsPath, modelsPath} {
		text[p] = r.Blobs[before[p]]
	}
	for p := range before {
		if strings.HasPrefix(p, migrationsPath) {
			text[p] = r.Blobs[before[p]]
		}
	}
	if c.edit != nil {
		c.edit(text)
	}
	after := maps.Clone(before)
	for p, content := range text {
		if content != "" || before[p] != "" {
			after[p] = r.putBlob(content)
		}
	}
	return after
}
