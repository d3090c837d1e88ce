/** README.txt of a bundle. Its lines are at most 80 characters. */
export const bundleReadme = `ENGLISH

This file has the data that LeadMaster keeps of one person.

lead.json       who the person is: number, names, state, tags and notes, and
                what the team changed ("history", the latest first)
messages.jsonl  all messages to and from the person, one on each line, the
                oldest first. The lines are JSON: any text editor opens them.
media/          photos, voice messages and other files. The name of each is
                the "id" of its message in messages.jsonl. Where an id cannot
                be the name of a file, other characters stand in it.
missing.json    files that are not in media/, or not whole, and why

Times end with Z: they are in UTC. Messages of groups are not here, because
other people wrote in them.

ESPAÑOL

Este archivo tiene los datos que LeadMaster guarda de una persona.

lead.json       quién es la persona: número, nombres, estado, etiquetas y
                notas, y lo que el equipo cambió ("history", lo último primero)
messages.jsonl  todos los mensajes de la persona y para ella, uno en cada
                línea, el más antiguo primero. Las líneas son JSON: cualquier
                editor de texto las abre.
media/          fotos, mensajes de voz y otros archivos. El nombre de cada uno
                es el "id" de su mensaje en messages.jsonl. Si un id no puede
                ser nombre de archivo, lleva otros caracteres.
missing.json    archivos que no están en media/, o no completos, y por qué

Las horas terminan en Z: están en UTC. Los mensajes de grupos no están aquí,
porque en ellos escribieron otras personas.

PORTUGUÊS

Este arquivo tem os dados que o LeadMaster guarda de uma pessoa.

lead.json       quem é a pessoa: número, nomes, estado, etiquetas e anotações,
                e o que a equipe mudou ("history", o mais recente primeiro)
messages.jsonl  todas as mensagens da pessoa e para ela, uma em cada linha, a
                mais antiga primeiro. As linhas são JSON: qualquer editor de
                texto as abre.
media/          fotos, mensagens de voz e outros arquivos. O nome de cada um é
                o "id" da sua mensagem em messages.jsonl. Se um id não pode
                ser nome de arquivo, leva outros caracteres.
missing.json    arquivos que não estão em media/, ou não completos, e por quê

Os horários terminam em Z: estão em UTC. As mensagens de grupos não estão
aqui, porque nelas outras pessoas escreveram.
`
