package capture

import "testing"

func TestOrigins(t *testing.T) {
	t.Parallel()
	shop := []string{"https://shop.example", "https://*.shop.example", " HTTPS://Blog.example/ "}
	tests := []struct {
		name     string
		patterns []string
		origin   string
		want     bool
	}{
		{"none listed", nil, "https://anything.example", true},
		{"none listed, a file", nil, "null", true},
		{"a server", shop, "", true},
		{"exact", shop, "https://shop.example", true},
		{"exact, whatever the case", shop, "https://Shop.Example", true},
		{"listed in capitals and with a slash", shop, "https://blog.example", true},
		{"below", shop, "https://www.shop.example", true},
		{"far below", shop, "https://a.b.shop.example", true},
		{"below, not listed", shop, "https://www.blog.example", false},
		{"other scheme", shop, "http://shop.example", false},
		{"other scheme below", shop, "http://www.shop.example", false},
		{"other port", shop, "https://shop.example:8443", false},
		{"other port below", shop, "https://www.shop.example:8443", false},
		{"the same end", shop, "https://evilshop.example", false},
		{"the same beginning", shop, "https://shop.example.evil.example", false},
		{"nothing before the dot", shop, "https://.shop.example", false},
		{"a path that ends alike", shop, "https://evil.example/.shop.example", false},
		{"a user that ends alike", shop, "https://evil.example@x.shop.example", false},
		{"a file", shop, "null", false},
		{"a file, listed", []string{"null"}, "null", true},
		{"a port listed", []string{"https://*.shop.example:8443"}, "https://a.shop.example:8443", true},
		{"only below", []string{"https://*.shop.example"}, "https://shop.example", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := newOrigins(tt.patterns).allow(tt.origin); got != tt.want {
				t.Errorf("%q: %t", tt.origin, got)
			}
		})
	}
}
