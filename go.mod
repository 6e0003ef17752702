module github.com/zipar/zipar

go 1.26.0

require (
	github.com/edsrzf/mmap-go v1.2.0
	github.com/nlpodyssey/gopickle v0.2.0
	github.com/x448/float16 v0.8.4
	golang.org/x/text v0.44.0
	gonum.org/v1/gonum v0.17.0
)

require golang.org/x/sys v0.0.0-20211216021012-1d35b9e2eb4e // indirect
