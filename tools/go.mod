module github.com/waystage/waystage/tools

go 1.26.0

require (
	github.com/waystage/waystage/proto v0.0.0
	github.com/waystage/waystage/services v0.0.0
)

replace github.com/waystage/waystage/proto => ../proto

replace github.com/waystage/waystage/services => ../services
