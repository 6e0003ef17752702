package main

func genQ8(g *gen) {}
